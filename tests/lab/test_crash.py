"""A maintain run that is killed by SIGKILL at its journal's records ends as one that was not.

``make test`` kills one run again and again, at a sample of its records. ``make crash`` (``--every-record``) kills one
run at every record in turn, and then makes a run for each record and kills it there once.
"""

from __future__ import annotations

import random
import re
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fleet import Ended, Fleet

pytestmark = [pytest.mark.lab, pytest.mark.crash, pytest.mark.timeout(1500, func_only=True)]

Command = Callable[..., Ended]
NODES = ("c01", "c02", "c03")
KILLED = -signal.SIGKILL
SEED = 20261122


@pytest.fixture(scope="module")
def pair(fleet: Fleet) -> Iterator[tuple[str, str]]:
    """A running and a stopped instance on c01."""
    running, stopped = fleet.boot("crash-running", "c01"), fleet.boot("crash-stopped", "c01")
    fleet.wait(running, "active")
    fleet.wait(stopped, "active")
    fleet.act(stopped, "os-stop", "stopped")
    yield running, stopped
    fleet.clear()


def resume_until_done(stackmend: Command, run: str, kill_at: Iterator[int]) -> int:
    """Resume a run, killed at each of the records (counted by process) in turn; return how often it was killed."""
    for kills, record in enumerate(kill_at):
        ended = stackmend("runs", "resume", run, extra={"STACKMEND_CRASH_AT": str(record)})
        if ended.status != KILLED:
            assert ended.status == 0, ended.out + ended.err
            return kills
    raise AssertionError("never done")


def assert_as_before(fleet: Fleet, pair: tuple[str, str]) -> None:
    running, stopped = pair
    assert (fleet.host(running), fleet.state(running)) == ("c01", "active")
    assert (fleet.host(stopped), fleet.state(stopped)) == ("c01", "stopped")
    assert fleet.running_on(running, NODES) == ["c01"]
    assert fleet.running_on(stopped, NODES) == []
    service = fleet.service("c01")
    assert (service["status"], service["state"]) == ("enabled", "up")
    assert service["disabled_reason"] is None


def the_open_run(stackmend: Command) -> str:
    runs = [r for r in stackmend("runs", "list", "-f", "json").json() if r["state"] == "interrupted"]
    assert len(runs) == 1, runs
    return str(runs[0]["id"])


def test_killed_again_and_again_at_a_sample_of_records(stackmend: Command, fleet: Fleet, pair: tuple[str, str]) -> None:
    chance = random.Random(SEED)  # noqa: S311 - a sample, not a secret
    first = stackmend("node", "maintain", "c01", "--reboot", "--yes", extra={"STACKMEND_CRASH_AT": "3"})
    assert first.status == KILLED, first.out + first.err
    run = the_open_run(stackmend)
    second = stackmend("node", "drain", "c01", "--yes")
    assert second.status == 3
    assert re.search(rf"node-busy.*{run}", second.err, re.DOTALL), second.err
    kills = resume_until_done(stackmend, run, (chance.randint(2, 7) for _ in range(100)))
    assert kills >= 5
    assert_as_before(fleet, pair)


def test_killed_in_the_middle_and_undone(stackmend: Command, fleet: Fleet, pair: tuple[str, str]) -> None:
    killed = stackmend("node", "drain", "c01", "--yes", extra={"STACKMEND_CRASH_AT": "9"})
    assert killed.status == KILLED, killed.out + killed.err
    run = the_open_run(stackmend)
    again = stackmend("runs", "undo", run, extra={"STACKMEND_CRASH_AT": "3"})
    assert again.status == KILLED, again.out + again.err
    ended = stackmend("runs", "undo", run)
    assert ended.status == 0, ended.out + ended.err
    assert_as_before(fleet, pair)


def journal(lab_env: dict[str, str], run: str) -> list[tuple[str, str]]:
    """Return kind and step of each record of a run, in order."""
    path = Path(lab_env["STACKMEND_STATE"]) / "journal.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return list(database.execute("SELECT kind, step FROM records WHERE run = ? ORDER BY seq", (run,)))


@pytest.mark.every_record
@pytest.mark.timeout(2 * 3600, func_only=True)
def test_one_run_killed_at_every_record(
    stackmend: Command, fleet: Fleet, pair: tuple[str, str], lab_env: dict[str, str]
) -> None:
    ended = stackmend("node", "maintain", "c01", "--reboot", "--yes", extra={"STACKMEND_CRASH_AT": "1"})
    run = the_open_run(stackmend)
    killed_at: set[tuple[str, str]] = set()
    number = 1
    while ended.status == KILLED:
        last = journal(lab_env, run)[-1]
        # a record at which the run was killed before: die one later, until there is a new one
        number = number + 1 if last in killed_at else 2
        killed_at.add(last)
        ended = stackmend("runs", "resume", run, extra={"STACKMEND_CRASH_AT": str(number)})
    assert ended.status == 0, ended.out + ended.err
    passed = set(journal(lab_env, run)) - killed_at - {("run-done", "")}
    # two steps in flight write in either order, so that one of them may slip by
    assert len(passed) <= 3, passed
    assert {kind for kind, _ in killed_at} >= {"step-started", "step-intent", "step-applied", "step-done"}
    assert_as_before(fleet, pair)


@pytest.mark.every_record
@pytest.mark.timeout(6 * 3600, func_only=True)
def test_killed_once_at_every_record(stackmend: Command, fleet: Fleet, pair: tuple[str, str]) -> None:
    record = 2
    while True:
        ended = stackmend("node", "maintain", "c01", "--reboot", "--yes", extra={"STACKMEND_CRASH_AT": str(record)})
        if ended.status != KILLED:
            assert ended.status == 0, ended.out + ended.err
            break
        resumed = stackmend("runs", "resume", the_open_run(stackmend))
        assert resumed.status == 0, f"killed at record {record}: {resumed.out}{resumed.err}"
        assert_as_before(fleet, pair)
        record += 1
    assert record > 20
