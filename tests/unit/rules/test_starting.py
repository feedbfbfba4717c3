"""The order in which instances start."""

from __future__ import annotations

import pytest

from stackmend.domain.instance import Domain, Instance
from stackmend.domain.values import InstanceId, NodeName
from stackmend.rules.priority import PRIORITY
from stackmend.rules.starting import Wanted, in_order, run_elsewhere


def wanted(name: str, value: str | None = None) -> Wanted:
    metadata = {} if value is None else {PRIORITY: value}
    return Wanted(Instance(InstanceId(name), name, NodeName("c01"), "active", metadata=metadata), "")


def test_the_higher_priority_comes_first_then_the_name() -> None:
    found = in_order([wanted("d", "-1"), wanted("c"), wanted("b", "5"), wanted("a", "50")], "priority")
    assert [w.instance.name for w in found] == ["a", "b", "c", "d"]
    assert [w.instance.name for w in in_order([wanted("b", "9"), wanted("a")], "name")] == ["a", "b"]


@pytest.mark.parametrize(
    ("node", "state", "astray"),
    [("c02", "running", True), ("c02", "paused", True), ("c02", "shut off", False), ("c01", "running", False)],
)
def test_what_another_node_runs_is_not_started(node: str, state: str, *, astray: bool) -> None:
    instance = wanted("a").instance
    seen = {NodeName(node): {instance.id: Domain(instance.id, "instance-1", state)}, NodeName("c03"): {}}
    found = run_elsewhere([instance], seen)
    assert found == ({"a": "nova has it on c01, but it runs on c02"} if astray else {})
