"""What a node that comes back still has of instances that are elsewhere."""

from __future__ import annotations

from stackmend.domain.instance import Domain, Instance, Migration
from stackmend.domain.values import InstanceId, NodeName
from stackmend.rules.leftovers import leftovers, unseen

C02, C03 = NodeName("c02"), NodeName("c03")
A, B, C = InstanceId("a"), InstanceId("b"), InstanceId("c")


def domain(uuid: InstanceId, state: str = "shut off") -> Domain:
    return Domain(uuid, f"instance-{uuid}", state)


def test_what_is_the_nodes_own_is_no_leftover() -> None:
    assert leftovers(C03, {A: domain(A, "running")}, {A: Instance(A, "a", C03, "active")}) == {}


def test_what_is_elsewhere_or_nowhere_is() -> None:
    found = leftovers(
        C03,
        {A: domain(A, "running"), B: domain(B), C: domain(C)},
        {A: Instance(A, "web", C02, "active"), B: None, C: Instance(C, "c", C03, "stopped")},
    )
    assert found == {
        A: "web (a) is running there, and nova has it active on c02",
        B: "instance-b (b) is shut off there, and nova does not have it",
    }


def test_an_evacuation_is_seen_by_the_node_when_it_is_completed_or_has_failed() -> None:
    statuses = ("accepted", "pre-migrating", "done", "completed", "failed", "error")
    records = [Migration(n, "", A, "evacuation", s, C03, C02) for n, s in enumerate(statuses)]
    assert [m.status for m in unseen(records)] == ["accepted", "pre-migrating", "done"]
