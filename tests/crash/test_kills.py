"""Kill the program at the records it writes, take it up again, and compare the end with that of a run never killed.

``make test`` kills at every fourth record, ``--every-record`` at each, right before it is written and right after.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from files import before, content

from stackmend.domain.run import Kind, RunState, StepState
from stackmend.domain.values import RunId, StepId
from stackmend.engine.journal import Journal
from stackmend.engine.reading import Runs

PROGRAM = Path(__file__).with_name("program.py")
FORWARD_RECORDS = 1 + 1 + 5 * 5 + 2 + 1
"""Started, resumed; five steps of five records (one a note), one step that is skipped; done."""
UNDO_RECORDS = 1 + 5 * 2 + 1
POINTS = [f"{number}{when}" for number in range(1, FORWARD_RECORDS + 1) for when in ("-before", "")]
UNDO_POINTS = [f"{number}{when}" for number in range(1, UNDO_RECORDS + 1) for when in ("-before", "")]
RETRY_RECORDS = 2 + 5 + 2 + 5 + 1
"""The choice and the resumption; step d of five records, e skipped, f of five; done."""
RETRY_POINTS = [str(number) for number in range(1, RETRY_RECORDS)]
SAMPLE = 4
WORLD_AFTER = {name: f"new {name}" for name in "abcdef"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test its points: all of them, or a sample that has the first and the last."""
    every = metafunc.config.getoption("--every-record")
    for name, points in {
        "point": POINTS,
        "begun": POINTS[2:-1],
        "failing": POINTS[2:-3],
        "undoing": UNDO_POINTS,
        "retrying": RETRY_POINTS,
    }.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, points if every else [*points[:-1:SAMPLE], points[-1]])


class Bench:
    """A state directory and a world of files, and the program run on them."""

    def __init__(self, directory: Path) -> None:
        self.state = directory / "state"
        self.files = directory / "files"
        before(self.files)
        self.world_before = content(self.files)

    def program(self, *words: str, crash_at: str = "") -> int:
        environment = {**os.environ, "STACKMEND_CRASH_AT": crash_at} if crash_at else None
        command = [sys.executable, str(PROGRAM), str(self.state), str(self.files), *words]
        return subprocess.run(command, env=environment, check=False, timeout=60).returncode

    def run_id(self) -> RunId | None:
        journal = Journal(self.state)
        ids = journal.run_ids()
        journal.close()
        return ids[0] if ids else None

    def state_of(self, run: RunId) -> RunState:
        journal = Journal(self.state)
        found = Runs(journal).get(run)
        journal.close()
        return found.state

    def finish(self) -> RunId:
        """Go on after a kill: resume the run, or start it where the kill came before there was one."""
        run = self.run_id()
        assert self.program(*(("resume", run) if run else ("start",))) == 0
        found = self.run_id()
        assert found is not None
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_the_points_cover_every_record(bench: Bench) -> None:
    assert bench.program("start") == 0
    journal = Journal(bench.state)
    (run,) = journal.run_ids()
    assert len(journal.records(run)) == FORWARD_RECORDS
    journal.close()
    assert content(bench.files) == WORLD_AFTER


def test_a_run_killed_anywhere_ends_the_same_when_resumed(bench: Bench, point: str) -> None:
    assert bench.program("start", crash_at=point) == -signal.SIGKILL
    killed = bench.run_id()
    if killed is not None and point != str(FORWARD_RECORDS):
        assert bench.state_of(killed) is RunState.INTERRUPTED
        run = bench.finish()
    elif killed is None:
        run = bench.finish()
    else:
        run = killed
    assert bench.state_of(run) is RunState.DONE
    assert content(bench.files) == WORLD_AFTER


def test_a_run_killed_anywhere_and_undone_leaves_the_world_as_it_was(bench: Bench, begun: str) -> None:
    assert bench.program("start", crash_at=begun) == -signal.SIGKILL
    run = bench.run_id()
    assert run is not None
    assert bench.program("undo", run) == 0
    assert bench.state_of(run) is RunState.UNDONE
    assert content(bench.files) == bench.world_before


def test_what_was_there_before_survives_a_kill_a_resume_and_an_undo(bench: Bench, failing: str) -> None:
    (bench.files / "f.broken").touch()
    assert bench.program("start", crash_at=failing) == -signal.SIGKILL
    run = bench.finish()
    assert bench.state_of(run) is RunState.PAUSED
    (bench.files / "f.broken").unlink()
    assert bench.program("undo", run) == 0
    assert content(bench.files) == bench.world_before


@pytest.mark.parametrize(("killed_at", "intents", "applications"), [("4", 1, 1), ("5", 1, 2), ("6", 1, 1)])
def test_after_a_kill_a_change_is_neither_decided_anew_nor_made_again_when_it_was_complete(
    bench: Bench, killed_at: str, intents: int, applications: int
) -> None:
    assert bench.program("start", crash_at=killed_at) == -signal.SIGKILL
    run = bench.finish()
    journal = Journal(bench.state)
    kinds = Counter(record.kind for record in journal.records(run, step=StepId("write/a")))
    assert (kinds[Kind.STEP_INTENT], kinds[Kind.STEP_NOTE]) == (intents, applications)
    journal.close()


def test_an_undo_killed_anywhere_ends_the_same_when_resumed(bench: Bench, undoing: str) -> None:
    (bench.files / "f.broken").touch()
    assert bench.program("start") == 0
    run = bench.run_id()
    assert run is not None
    assert bench.state_of(run) is RunState.PAUSED
    (bench.files / "f.broken").unlink()
    assert bench.program("undo", run, crash_at=undoing) == -signal.SIGKILL
    if undoing == "1-before":
        assert bench.state_of(run) is RunState.PAUSED
        assert bench.program("undo", run) == 0
    elif undoing != str(UNDO_RECORDS):
        assert bench.state_of(run) is RunState.UNDOING
        assert bench.program("resume", run) == 0
    assert bench.state_of(run) is RunState.UNDONE
    assert content(bench.files) == bench.world_before


@pytest.mark.parametrize("then", ["resume", "undo"])
def test_a_retry_killed_anywhere_keeps_the_former_state_recorded_first(bench: Bench, retrying: str, then: str) -> None:
    (bench.files / "d.broken").touch()
    assert bench.program("start") == 0
    run = bench.run_id()
    assert run is not None
    (bench.files / "d.broken").unlink()
    assert (bench.files / "d").read_text() == "half"
    assert bench.program("retry", run, "write/d", crash_at=retrying) == -signal.SIGKILL
    assert bench.program(then, run) == 0
    assert content(bench.files) == (WORLD_AFTER if then == "resume" else bench.world_before)


def test_records_after_a_kill_are_never_of_a_step_that_had_ended(bench: Bench) -> None:
    assert bench.program("start", crash_at="12") == -signal.SIGKILL
    run = bench.finish()
    journal = Journal(bench.state)
    ended: set[str] = set()
    for record in journal.records(run):
        assert record.step not in ended
        if record.kind in {"step-done", "step-skipped"}:
            ended.add(record.step)
    steps = Runs(journal).get(run).steps.values()
    assert {status.state for status in steps} == {StepState.DONE, StepState.SKIPPED}
    journal.close()
