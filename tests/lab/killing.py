"""Kill one run by SIGKILL at its journal's records, again and again, and carry it on."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from fleet import Ended

Command = Callable[..., Ended]
KILLED = -signal.SIGKILL
DONE = ("run-done", "")


def the_open_run(stackmend: Command) -> str:
    """Return the id of the one run that was interrupted."""
    runs = [r for r in stackmend("runs", "list", "-f", "json").json() if r["state"] == "interrupted"]
    assert len(runs) == 1, runs
    return str(runs[0]["id"])


def journal(lab_env: dict[str, str], run: str) -> list[tuple[str, str]]:
    """Return kind and step of each record of a run, in order."""
    path = Path(lab_env["STACKMEND_STATE"]) / "journal.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return list(database.execute("SELECT kind, step FROM records WHERE run = ? ORDER BY seq", (run,)))


def kill_at_every_record(
    stackmend: Command,
    lab_env: dict[str, str],
    run: str,
    meanwhile: Callable[[tuple[str, str]], object] = lambda _: None,
) -> set[tuple[str, str]]:
    """Resume a run and kill it at each of its records once, until it is done; return the records it was killed at.

    Before each resumption ``meanwhile`` is told the last record.
    """
    killed_at: set[tuple[str, str]] = set()
    number = 1
    while (last := journal(lab_env, run)[-1]) != DONE:
        # a record at which the run was killed before: die one later, until there is a new one
        number = number + 1 if last in killed_at else 2
        killed_at.add(last)
        meanwhile(last)
        ended = stackmend("runs", "resume", run, extra={"STACKMEND_CRASH_AT": str(number)})
        assert ended.status in {KILLED, 0}, ended.out + ended.err
    # two steps in flight write in either order, so that a record of theirs may slip by
    passed = set(journal(lab_env, run)) - killed_at - {DONE}
    assert len(passed) <= 3, passed
    return killed_at
