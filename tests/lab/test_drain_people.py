"""What people do in the middle of a drain: it is noticed, waited for or obeyed, and what is said is true."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from draining import NODES, drain, each_runs_once, moving
from fleet import Ended, Fleet, until

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("healed_and_home")]

Command = Callable[..., Ended]


def test_somebody_else_deletes_and_stops_meanwhile(fleet: Fleet, couple: list[str], lab_env: dict[str, str]) -> None:
    others = {name: fleet.boot(f"fault-z-{name}", "c01") for name in ("deleted", "stopped")}
    for instance in others.values():
        fleet.wait(instance, "active")
    with drain(lab_env) as process:
        until(lambda: moving(fleet, couple), "a migration runs")
        fleet.cloud.compute.delete_server(others["deleted"], ignore_missing=False)
        fleet.act(others["stopped"], "os-stop", "stopped")
        out, err = process.communicate(timeout=600)
    assert process.returncode == 0, out + err
    assert "fault-z-deleted was deleted since the plan was made" in out + err
    assert (fleet.host(others["stopped"]), fleet.state(others["stopped"])) == ("c02", "stopped")
    assert {fleet.host(i) for i in couple} == {"c02"}


def test_ctrl_c_ends_between_steps_and_says_how_to_go_on(
    stackmend: Command, fleet: Fleet, couple: list[str], lab_env: dict[str, str]
) -> None:
    with drain(lab_env) as process:
        until(lambda: moving(fleet, couple), "a migration runs")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    assert process.returncode == 4, out + err
    assert not moving(fleet, couple)
    assert sorted(fleet.host(i) for i in couple) == ["c01", "c02"]
    run = next(r for r in stackmend("runs", "list", "-f", "json").json() if r["state"] == "interrupted")
    assert f"stackmend runs resume {run['id']}" in out + err
    ended = stackmend("runs", "resume", run["id"])
    assert ended.status == 0, ended.out + ended.err
    assert {fleet.host(i) for i in couple} == {"c02"}
    each_runs_once(fleet, couple)


@pytest.fixture
def slow(stackmend: Command, fleet: Fleet, couple: list[str]) -> tuple[str, str]:
    """A drain that is paused: its only migration, of an instance that rewrites its memory, does not converge."""
    busy = fleet.boot("fault-busy", "c01", image="lab-linux-busy")
    fleet.wait(busy, "active")
    assert stackmend("lab", "break", "slow-migration", "c01").status == 0
    leave = [option for instance in couple for option in ("--leave", instance)]
    paused = stackmend("node", "drain", "c01", "--yes", "--patience", "15", *leave)
    assert paused.status == 4, paused.out + paused.err
    assert "migration-not-converging" in paused.out + paused.err
    assert moving(fleet, [busy])
    return busy, next(str(r["id"]) for r in stackmend("runs", "list", "-f", "json").json() if r["state"] == "paused")


def test_skipping_a_migration_that_does_not_converge_aborts_it(
    stackmend: Command, fleet: Fleet, slow: tuple[str, str]
) -> None:
    busy, run = slow
    skipped = stackmend("runs", "skip", run, f"move/{busy}")
    assert skipped.status == 0, skipped.out + skipped.err
    assert "fault-busy is left active on c01" in skipped.out + skipped.err
    assert (fleet.host(busy), fleet.state(busy)) == ("c01", "active")
    assert fleet.running_on(busy, NODES) == ["c01"]
    fleet.delete(busy)


@pytest.mark.parametrize("mode", [pytest.param("force-complete", marks=pytest.mark.long), "cold"])
def test_a_migration_that_does_not_converge_is_forced_or_moved_cold(
    mode: str, stackmend: Command, fleet: Fleet, slow: tuple[str, str]
) -> None:
    busy, run = slow
    moved = stackmend("runs", "retry", run, f"move/{busy}", "--mode", mode)
    assert moved.status == 0, moved.out + moved.err
    assert (fleet.host(busy), fleet.state(busy)) == ("c02", "active")
    assert fleet.running_on(busy, NODES) == ["c02"]
    fleet.delete(busy)
