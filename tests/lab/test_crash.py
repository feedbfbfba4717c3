"""A maintain run that is killed by SIGKILL at its journal's records ends as one that was not.

``make long`` kills one run again and again, once at every record. ``make crash`` (``--every-record``) makes a run for
each record, kills it there once, and lets one process carry the rest out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fleet import Fleet
from killing import KILLED, Command, kill_at_every_record, the_open_run

pytestmark = [pytest.mark.lab, pytest.mark.crash, pytest.mark.timeout(1500, func_only=True)]

NODES = ("c01", "c02", "c03")


@pytest.fixture(scope="module")
def pair(fleet: Fleet) -> Iterator[tuple[str, str]]:
    """A running and a stopped instance on c01."""
    running, stopped = fleet.boot("crash-running", "c01"), fleet.boot("crash-stopped", "c01")
    fleet.wait(running, "active")
    fleet.wait(stopped, "active")
    fleet.act(stopped, "os-stop", "stopped")
    yield running, stopped
    fleet.clear()


def assert_as_before(fleet: Fleet, pair: tuple[str, str]) -> None:
    running, stopped = pair
    assert (fleet.host(running), fleet.state(running)) == ("c01", "active")
    assert (fleet.host(stopped), fleet.state(stopped)) == ("c01", "stopped")
    assert fleet.running_on(running, NODES) == ["c01"]
    assert fleet.running_on(stopped, NODES) == []
    service = fleet.service("c01")
    assert (service["status"], service["state"]) == ("enabled", "up")
    assert service["disabled_reason"] is None


@pytest.mark.long
def test_one_run_killed_at_every_record(
    stackmend: Command, fleet: Fleet, pair: tuple[str, str], lab_env: dict[str, str]
) -> None:
    first = stackmend("node", "maintain", "c01", "--reboot", "--yes", extra={"STACKMEND_CRASH_AT": "1"})
    assert first.status == KILLED, first.out + first.err
    run = the_open_run(stackmend)
    second = stackmend("node", "drain", "c01", "--yes")
    assert second.status == 3
    assert re.search(rf"node-busy.*{run}", second.err, re.DOTALL), second.err
    killed_at = kill_at_every_record(stackmend, lab_env, run)
    assert {kind for kind, _ in killed_at} >= {"step-started", "step-intent", "step-applied", "step-done"}
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
