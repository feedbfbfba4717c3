"""Draining and returning a node of the lab: every state an instance may be in, on real nova and libvirt."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fleet import Ended, Fleet

pytestmark = pytest.mark.lab

Command = Callable[..., Ended]
NODES = ("c01", "c02", "c03")


@pytest.fixture(scope="module")
def crew(fleet: Fleet) -> Iterator[dict[str, str]]:
    """Instances on c01, one for each state that a drain treats in its own way."""
    names = ("active", "paused", "stopped", "locked", "suspended")
    ids = {name: fleet.boot(f"drain-{name}", "c01") for name in names}
    for instance in ids.values():
        fleet.wait(instance, "active")
    fleet.act(ids["paused"], "pause", "paused")
    fleet.act(ids["stopped"], "os-stop", "stopped")
    fleet.act(ids["suspended"], "suspend", "suspended")
    fleet.act(ids["locked"], "lock", "active")
    yield ids
    fleet.clear()


def places(fleet: Fleet, crew: dict[str, str]) -> dict[str, str]:
    return {name: fleet.host(instance) for name, instance in crew.items()}


def states(fleet: Fleet, crew: dict[str, str]) -> dict[str, str]:
    return {name: fleet.state(instance) for name, instance in crew.items()}


ALL_HOME = dict.fromkeys(("active", "paused", "stopped", "locked", "suspended"), "c01")
STATES = {"active": "active", "paused": "paused", "stopped": "stopped", "locked": "active", "suspended": "suspended"}


def test_a_plan_is_shown_and_changes_nothing(stackmend: Command, fleet: Fleet, crew: dict[str, str]) -> None:
    before = fleet.service("c01")
    shown = stackmend("node", "drain", "c01", "--plan", "-f", "json")
    assert shown.status == 0, shown.err
    plan = shown.json()
    moves = {s["params"]["instance"]: s["params"]["mode"] for s in plan["steps"] if s["action"] == "instance.move"}
    assert {instance: mode for instance, mode in moves.items() if instance in crew.values()} == {
        crew["active"]: "live",
        crew["paused"]: "live",
        crew["locked"]: "live",
        crew["stopped"]: "cold",
    }
    assert any("drain-suspended is suspended" in note for note in plan["notes"])
    assert stackmend("node", "drain", "c01", "--plan", "-f", "json").json()["hash"] == plan["hash"]
    after = fleet.service("c01")
    assert (after["status"], after["disabled_reason"]) == (before["status"], before["disabled_reason"])
    assert places(fleet, crew) == ALL_HOME


def test_drain_moves_each_in_its_own_way(stackmend: Command, fleet: Fleet, crew: dict[str, str]) -> None:
    ended = stackmend("node", "drain", "c01", "--yes", "--reason", "CHG-1")
    assert ended.status == 0, ended.out + ended.err
    assert places(fleet, crew) == {**dict.fromkeys(crew, "c02"), "suspended": "c01"}
    assert states(fleet, crew) == STATES
    assert fleet.show(crew["locked"])["locked"] is True
    for name in ("active", "paused", "locked"):
        assert fleet.running_on(crew[name], NODES) == ["c02"]
    service = fleet.service("c01")
    assert service["status"] == "disabled"
    assert "CHG-1" in service["disabled_reason"]


def test_a_second_drain_skips_what_is_already_so(stackmend: Command, fleet: Fleet, crew: dict[str, str]) -> None:
    reason = fleet.service("c01")["disabled_reason"]
    ended = stackmend("node", "drain", "c01", "--yes")
    assert ended.status == 0, ended.out + ended.err
    assert fleet.service("c01")["disabled_reason"] == reason
    assert places(fleet, crew)["active"] == "c02"
    undone = stackmend("runs", "list", "-f", "json").json()
    assert [r["state"] for r in undone][:2] == ["done", "done"]


def test_return_brings_back_what_the_drain_moved(stackmend: Command, fleet: Fleet, crew: dict[str, str]) -> None:
    bystander = fleet.boot("drain-bystander", "c02")
    fleet.wait(bystander, "active")
    ended = stackmend("node", "return", "c01", "--yes")
    assert ended.status == 0, ended.out + ended.err
    assert places(fleet, crew) == ALL_HOME
    assert states(fleet, crew) == STATES
    assert fleet.host(bystander) == "c02"
    assert fleet.service("c01")["status"] == "enabled"


@pytest.mark.long
def test_block_migration_where_storage_is_not_shared_and_undo(
    stackmend: Command, fleet: Fleet, crew: dict[str, str]
) -> None:
    shown = stackmend("node", "drain", "c01", "--target", "c03", "--plan")
    assert "block-live" in shown.out
    ended = stackmend("node", "drain", "c01", "--target", "c03", "--yes")
    assert ended.status == 0, ended.out + ended.err
    assert places(fleet, crew) == {**dict.fromkeys(crew, "c03"), "suspended": "c01"}
    assert states(fleet, crew) == STATES
    back = stackmend("node", "return", "c01", "--yes")
    assert back.status == 0, back.out + back.err
    assert places(fleet, crew) == ALL_HOME
    assert states(fleet, crew) == STATES


@pytest.mark.long
def test_what_an_operator_disabled_stays_disabled_with_its_reason(
    stackmend: Command, fleet: Fleet, crew: dict[str, str]
) -> None:
    body = {"status": "disabled", "disabled_reason": "bad disk, see INC-7"}
    service = fleet.service("c01")["id"]
    assert fleet.cloud.compute.put(f"/os-services/{service}", json=body, microversion="2.90").ok
    ended = stackmend("node", "drain", "c01", "--stopped", "stay", "--yes")
    assert ended.status == 0, ended.out + ended.err
    assert places(fleet, crew)["stopped"] == "c01"
    back = stackmend("node", "return", "c01", "--yes")
    assert back.status == 0, back.out + back.err
    assert places(fleet, crew) == ALL_HOME
    record = fleet.service("c01")
    assert (record["status"], record["disabled_reason"]) == ("disabled", "bad disk, see INC-7")
    assert fleet.cloud.compute.put(f"/os-services/{service}", json={"status": "enabled"}, microversion="2.90").ok
