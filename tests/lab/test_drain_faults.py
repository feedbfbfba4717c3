"""What happens to the cloud in the middle of a drain: the run ends right, or pauses with a true sentence."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest
from fleet import STACKMEND, Ended, Fleet, until

pytestmark = pytest.mark.lab

Command = Callable[..., Ended]
NODES = ("c01", "c02", "c03")


@pytest.fixture(scope="module")
def trio(fleet: Fleet) -> Iterator[list[str]]:
    """Three running instances on c01."""
    ids = [fleet.boot(f"fault-{n}", "c01") for n in range(3)]
    for instance in ids:
        fleet.wait(instance, "active")
    yield ids
    fleet.clear()


@pytest.fixture(autouse=True)
def healed_and_home(stackmend: Command, fleet: Fleet, trio: list[str]) -> Iterator[None]:
    """Heal every fault and close what is open after each test; bring the instances home."""
    yield
    assert stackmend("lab", "heal").status == 0
    for run in stackmend("runs", "list", "-f", "json").json():
        if run["state"] in {"paused", "interrupted"}:
            assert stackmend("runs", "abort", run["id"]).status == 0
    if fleet.service("c01")["status"] == "disabled" or {fleet.host(i) for i in trio} != {"c01"}:
        ended = stackmend("node", "return", "c01", "--yes")
        assert ended.status == 0, ended.out + ended.err
    assert {fleet.host(i) for i in trio} == {"c01"}


def moving(fleet: Fleet, trio: list[str]) -> bool:
    return any("migrating" in fleet.state(i) for i in trio)


def start_drain(env: dict[str, str], *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(STACKMEND), "node", "drain", "c01", "--yes", *options],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def each_runs_once(fleet: Fleet, trio: list[str], nodes: tuple[str, ...] = NODES) -> None:
    for instance in trio:
        assert len(fleet.running_on(instance, nodes)) == 1


def give_back_what_nova_lost(fleet: Fleet, trio: list[str]) -> None:
    """Do as the pause's hint says: an instance that runs in one place, and that nova has forgotten, gets its state."""
    for instance in trio:
        if "migrating" in fleet.state(instance):
            assert len(fleet.running_on(instance, NODES)) == 1
            fleet.act(instance, "os-resetState", "active", {"state": "active"})


@pytest.mark.parametrize("service", ["rabbitmq-server", "mariadb", "nova-api"])
def test_a_service_is_restarted_in_the_middle(
    service: str,
    stackmend: Command,
    fleet: Fleet,
    trio: list[str],
    lab_env: dict[str, str],
    on_node: Callable[[str, str], str],
) -> None:
    drain = start_drain(lab_env, "--patience", "40")
    until(lambda: moving(fleet, trio), "a migration runs")
    on_node("ctl01", f"systemctl restart {service}")
    out, err = drain.communicate(timeout=600)
    if drain.returncode != 0:
        assert drain.returncode == 4, out + err
        assert "stackmend runs" in out + err
        run = next(r for r in stackmend("runs", "list", "-f", "json").json() if r["state"] == "paused")
        give_back_what_nova_lost(fleet, trio)
        again = stackmend("runs", "resume", run["id"])
        assert again.status == 0, again.out + again.err
    assert {fleet.host(i) for i in trio} == {"c02"}
    each_runs_once(fleet, trio)


def test_the_target_loses_its_power_in_the_middle(
    stackmend: Command, fleet: Fleet, trio: list[str], lab_env: dict[str, str]
) -> None:
    drain = start_drain(lab_env, "--target", "c03", "--patience", "60")
    until(lambda: moving(fleet, trio), "a migration runs")
    broken = stackmend("lab", "break", "power-cut", "c03")
    assert broken.status == 0, broken.err
    out, err = drain.communicate(timeout=600)
    assert drain.returncode == 4, out + err
    assert "c03" in out + err
    each_runs_once(fleet, [i for i in trio if fleet.host(i) == "c01"], ("c01", "c02"))
    assert stackmend("lab", "heal").status == 0
    until(lambda: not moving(fleet, trio), "nova has ended what it was doing", timeout=240)
    run = next(r for r in stackmend("runs", "list", "-f", "json").json() if r["state"] == "paused")
    undone = stackmend("runs", "undo", run["id"])
    assert undone.status == 0, undone.out + undone.err
    assert {fleet.host(i) for i in trio} == {"c01"}
    assert fleet.service("c01")["status"] == "enabled"


def test_somebody_else_deletes_and_stops_meanwhile(fleet: Fleet, trio: list[str], lab_env: dict[str, str]) -> None:
    others = {name: fleet.boot(f"fault-z-{name}", "c01") for name in ("deleted", "stopped")}
    for instance in others.values():
        fleet.wait(instance, "active")
    drain = start_drain(lab_env)
    until(lambda: moving(fleet, trio), "a migration runs")
    fleet.cloud.compute.delete_server(others["deleted"], ignore_missing=False)
    fleet.act(others["stopped"], "os-stop", "stopped")
    out, err = drain.communicate(timeout=600)
    assert drain.returncode == 0, out + err
    assert "fault-z-deleted was deleted since the plan was made" in out + err
    assert (fleet.host(others["stopped"]), fleet.state(others["stopped"])) == ("c02", "stopped")
    assert {fleet.host(i) for i in trio} == {"c02"}


def test_a_migration_that_fails_pauses_and_a_retry_goes_on(stackmend: Command, fleet: Fleet, trio: list[str]) -> None:
    assert stackmend("lab", "break", "migrations-fail", "c01").status == 0
    paused = stackmend("node", "drain", "c01", "--yes")
    assert paused.status == 4, paused.out + paused.err
    assert "migration-failed" in paused.out + paused.err or "migration-refused" in paused.out + paused.err
    each_runs_once(fleet, trio)
    shown = stackmend("runs", "show", "--help")
    assert shown.status == 0
    run = next(r for r in stackmend("runs", "list", "-f", "json").json() if r["state"] == "paused")
    assert stackmend("lab", "heal").status == 0
    ended = stackmend("runs", "resume", run["id"])
    assert ended.status == 0, ended.out + ended.err
    assert {fleet.host(i) for i in trio} == {"c02"}


def test_a_migration_that_does_not_converge_pauses_and_is_forced_to_complete(
    stackmend: Command, fleet: Fleet, trio: list[str]
) -> None:
    busy = fleet.boot("fault-busy", "c01", image="lab-linux-busy")
    fleet.wait(busy, "active")
    assert stackmend("lab", "break", "slow-migration", "c01").status == 0
    leave = [option for instance in trio for option in ("--leave", instance)]
    paused = stackmend("node", "drain", "c01", "--yes", "--patience", "15", *leave)
    assert paused.status == 4, paused.out + paused.err
    assert "migration-not-converging" in paused.out + paused.err
    run = next(r for r in stackmend("runs", "list", "-f", "json").json() if r["state"] == "paused")
    forced = stackmend("runs", "retry", run["id"], f"move/{busy}", "--mode", "force-complete")
    assert forced.status == 0, forced.out + forced.err
    assert (fleet.host(busy), fleet.state(busy)) == ("c02", "active")
    assert fleet.running_on(busy, NODES) == ["c02"]
