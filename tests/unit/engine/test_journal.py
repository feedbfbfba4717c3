"""The journal: what can't be used is refused, what is written is read back, and who holds a run."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from files import plan

from stackmend.domain.run import Kind
from stackmend.domain.values import RunId, StepId
from stackmend.engine.claims import Claims
from stackmend.engine.journal import Journal, SubjectBusy
from stackmend.engine.reading import Runs, find_step
from stackmend.errors import Code, Refused

STEP = StepId("write/a")


def refused(directory: Path) -> str:
    with pytest.raises(Refused) as error:
        Journal(directory)
    assert error.value.code is Code.JOURNAL_UNUSABLE
    return error.value.sentence


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_text("not a database, and long enough to be taken for one " * 50)
    assert refused(tmp_path) == f"the journal {tmp_path}/journal.db cannot be used: file is not a database"


def test_a_journal_of_another_version_is_refused(tmp_path: Path) -> None:
    Journal(tmp_path).close()
    with sqlite3.connect(tmp_path / "journal.db") as connection:
        connection.execute("PRAGMA user_version=7")
    connection.close()
    assert "schema version 7, this stackmend writes version 1" in refused(tmp_path)


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "journal.db") as connection:
        connection.execute("CREATE TABLE other (a)")
    connection.close()
    assert "schema version 0" in refused(tmp_path)


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be used" in refused(tmp_path / "file" / "state")


def test_a_journal_whose_pages_are_damaged_is_refused_when_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    run = journal.create(plan(), place="", actor="test", reason="")
    journal.close()
    path = tmp_path / "journal.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + bytes(255 for _ in range(len(whole) - 100)))
    with pytest.raises(Refused) as error:
        Journal(tmp_path).records(run)
    assert error.value.code is Code.JOURNAL_UNUSABLE


def test_what_is_written_is_read_back_by_another_connection(tmp_path: Path) -> None:
    journal, reader = Journal(tmp_path), Journal(tmp_path)
    run = journal.create(plan(), place="lab", actor="yuki", reason="CHG-7")
    written = journal.append(run, Kind.STEP_NOTE, STEP, "é ok", {"list": (1, 2), "none": None})
    assert written.data == {"list": [1, 2], "none": None}
    assert reader.records(run)[-1] == written
    assert [record.seq for record in reader.records(run)] == [1, 2]
    header = reader.header(run)
    assert header is not None
    assert (header.plan, header.place, header.actor, header.reason) == (plan(), "lab", "yuki", "CHG-7")
    journal.close()
    reader.close()


def test_of_two_that_start_at_once_one_is_refused(tmp_path: Path) -> None:
    journals = [Journal(tmp_path), Journal(tmp_path)]
    outcomes: list[str] = []
    gate = threading.Barrier(2)

    def start(journal: Journal) -> None:
        gate.wait()
        try:
            outcomes.append(journal.create(plan(), place="", actor="test", reason=""))
        except SubjectBusy as busy:
            outcomes.append(f"busy {busy}")

    threads = [threading.Thread(target=start, args=(journal,)) for journal in journals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (run,) = journals[0].run_ids()
    assert sorted(outcomes) == [f"busy {run}", run]
    for journal in journals:
        journal.close()


HOLD = """
import sys
from pathlib import Path
from stackmend.engine.claims import Claims
with Claims(Path(sys.argv[1])).held("r-1"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_claim_ends_with_the_process_that_is_killed(tmp_path: Path) -> None:
    claims, run = Claims(tmp_path), RunId("r-1")
    assert claims.holder(run) is None
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert claims.holder(run) == holder.pid
        with pytest.raises(Refused) as error, claims.held(run):
            pass
        assert error.value.code is Code.RUN_ALIVE
        assert error.value.evidence == {"pid": str(holder.pid)}
        holder.kill()
        holder.wait()
        assert claims.holder(run) is None
        with claims.held(run):
            assert claims.holder(run) is not None


def test_runs_and_steps_are_found_by_a_part_of_their_id_that_is_unique(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    run = journal.create(plan(), place="", actor="test", reason="")
    journal.create(plan("c02"), place="", actor="test", reason="")
    runs = Runs(journal)
    assert runs.find("-c01") == run
    for text, words in (("r-", "'r-' names 2 runs"), ("none", "there is no run 'none'"), ("", "there is no run ''")):
        with pytest.raises(Refused, match=words):
            runs.find(text)
    assert find_step(plan(), "/a") == "write/a"
    for text, words in (("write", "'write' names 6 steps"), ("z", "the run has no step 'z'")):
        with pytest.raises(Refused, match=words) as error:
            find_step(plan(), text)
        assert error.value.code is Code.STEP_UNKNOWN
    journal.close()
