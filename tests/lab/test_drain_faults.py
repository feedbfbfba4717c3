"""What happens to the cloud in the middle of a drain: the run ends right, or pauses with a true sentence."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from draining import NODES, drain, each_runs_once, moving
from fleet import Ended, Fleet, until

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("healed_and_home")]

Command = Callable[..., Ended]


def give_back_what_nova_lost(fleet: Fleet, couple: list[str]) -> None:
    """Do as the pause's hint says: an instance that runs in one place, and that nova has forgotten, gets its state."""
    for instance in couple:
        if "migrating" in fleet.state(instance):
            assert len(fleet.running_on(instance, NODES)) == 1
            fleet.act(instance, "os-resetState", "active", {"state": "active"})


@pytest.mark.parametrize(
    "service",
    [
        "rabbitmq-server",
        pytest.param("mariadb", marks=pytest.mark.long),
        pytest.param("nova-api", marks=pytest.mark.long),
    ],
)
def test_a_service_is_restarted_in_the_middle(
    service: str,
    stackmend: Command,
    fleet: Fleet,
    couple: list[str],
    lab_env: dict[str, str],
    on_node: Callable[[str, str], str],
) -> None:
    with drain(lab_env, "--patience", "40") as process:
        until(lambda: moving(fleet, couple), "a migration runs")
        on_node("ctl01", f"systemctl restart {service}")
        out, err = process.communicate(timeout=600)
    if process.returncode != 0:
        assert process.returncode == 4, out + err
        assert "stackmend runs" in out + err
        run = next(r for r in stackmend("runs", "list", "-f", "json").json() if r["state"] == "paused")
        give_back_what_nova_lost(fleet, couple)
        again = stackmend("runs", "resume", run["id"])
        assert again.status == 0, again.out + again.err
    assert {fleet.host(i) for i in couple} == {"c02"}
    each_runs_once(fleet, couple)


def test_the_target_loses_its_power_in_the_middle(
    stackmend: Command, fleet: Fleet, couple: list[str], lab_env: dict[str, str]
) -> None:
    with drain(lab_env, "--target", "c03", "--patience", "30") as process:
        until(lambda: moving(fleet, couple), "a migration runs")
        broken = stackmend("lab", "break", "power-cut", "c03")
        assert broken.status == 0, broken.err
        out, err = process.communicate(timeout=600)
    assert process.returncode == 4, out + err
    assert "c03" in out + err
    each_runs_once(fleet, [i for i in couple if fleet.host(i) == "c01"], ("c01", "c02"))
    assert stackmend("lab", "heal").status == 0
    until(lambda: not moving(fleet, couple), "nova has ended what it was doing", timeout=240)
    run = next(r for r in stackmend("runs", "list", "-f", "json").json() if r["state"] == "paused")
    undone = stackmend("runs", "undo", run["id"])
    assert undone.status == 0, undone.out + undone.err
    assert {fleet.host(i) for i in couple} == {"c01"}
    assert fleet.service("c01")["status"] == "enabled"


def test_a_migration_that_fails_pauses_and_a_retry_goes_on(stackmend: Command, fleet: Fleet, couple: list[str]) -> None:
    assert stackmend("lab", "break", "migrations-fail", "c01").status == 0
    paused = stackmend("node", "drain", "c01", "--yes")
    assert paused.status == 4, paused.out + paused.err
    assert "migration-failed" in paused.out + paused.err or "migration-refused" in paused.out + paused.err
    each_runs_once(fleet, couple)
    shown = stackmend("runs", "show", "--help")
    assert shown.status == 0
    run = next(r for r in stackmend("runs", "list", "-f", "json").json() if r["state"] == "paused")
    assert stackmend("lab", "heal").status == 0
    ended = stackmend("runs", "resume", run["id"])
    assert ended.status == 0, ended.out + ended.err
    assert {fleet.host(i) for i in couple} == {"c02"}
