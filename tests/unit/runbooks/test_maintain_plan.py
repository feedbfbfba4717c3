"""The plan of a maintenance: what comes after what, and what is said of what stays."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from stackmend.domain.drain import DrainFacts, DrainOptions, Target
from stackmend.domain.instance import ComputeService, Domain, Instance, NodeInstances, Resources
from stackmend.domain.node import Node, Role, SshAccess
from stackmend.domain.plan import Plan
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, Refused
from stackmend.runbooks.drain import plan_drain
from stackmend.runbooks.maintain import Work, plan_maintain

C01, C02 = NodeName("c01"), NodeName("c02")
NODE = Node(C01, frozenset({Role.COMPUTE}), SshAccess("10.0.0.1"))
SERVICE = ComputeService("s", C01, enabled=True, reason="", up=True, forced_down=False, heartbeat=None)


def instance(name: str, state: str = "active") -> Instance:
    return Instance(InstanceId(name), name, C01, state, resources=Resources(1, 96, 1))


def facts(*instances: Instance, concurrency: int = 1) -> DrainFacts:
    running = {i.id: Domain(i.id, i.name, "running") for i in instances if i.vm_state != "stopped"}
    return DrainFacts(
        service=SERVICE,
        on_node=NodeInstances(C01, instances, running),
        targets=(Target(C02, Resources(16, 4096, 100), frozenset(i.id for i in instances)),),
        concurrency=concurrency,
    )


def maintain(world: DrainFacts, work: Work | None = None) -> Plan:
    return plan_maintain(NODE, world, DrainOptions(), work or Work(reboot=True))


def before(plan: Plan, step: str) -> set[str]:
    """Return every step that must have ended before one starts."""
    needed: set[str] = set()
    waiting = [step]
    while waiting:
        for need in plan.step(waiting.pop()).needs:
            if need not in needed:
                needed.add(need)
                waiting.append(need)
    return needed


def actions(plan: Plan, ids: set[str]) -> set[str]:
    return {plan.step(i).action for i in ids}


def test_the_node_is_empty_and_held_before_it_is_rebooted() -> None:
    plan = maintain(facts(instance("a"), instance("b", "stopped")))
    reboot = next(s for s in plan.steps if s.action == "node.reboot")
    assert {"move/a", "move/b"} <= before(plan, reboot.id)
    assert {"scheduling.disable", "node.check-drained", "unit.hold"} <= actions(plan, before(plan, reboot.id))


def test_nothing_comes_home_before_the_node_is_verified_and_enabled() -> None:
    plan = maintain(facts(instance("a")))
    assert {"node.verify", "scheduling.restore", "unit.release"} <= actions(plan, before(plan, "return/a"))


def test_every_instance_that_leaves_comes_home() -> None:
    plan = maintain(facts(instance("a"), instance("b"), instance("c", "suspended")))
    leaving = {s.params["instance"] for s in plan.steps if s.action == "instance.move"}
    coming = {s.params["instance"] for s in plan.steps if s.action == "instance.return"}
    assert leaving == coming == {"a", "b"}
    assert any(note.startswith("c is suspended") for note in plan.notes)


def test_stay_leaves_them_where_they_went() -> None:
    plan = maintain(facts(instance("a")), Work(reboot=True, stay=True))
    assert not [s for s in plan.steps if s.action == "instance.return"]


def test_a_node_disabled_before_takes_live_ones_back_past_the_scheduler_and_names_the_cold_ones() -> None:
    world = facts(instance("a"), instance("b", "stopped"))
    plan = maintain(replace(world, service=replace(SERVICE, enabled=False, reason="disk is bad")))
    back = {s.params["instance"]: s.params["force"] for s in plan.steps if s.action == "instance.return"}
    assert back == {"a": True}
    assert any(note.startswith("b stays on c02") for note in plan.notes)


def test_a_plan_survives_json_with_its_hash() -> None:
    plan = maintain(facts(instance("a")), Work(command=("apt-get", "upgrade"), reboot=True))
    again = Plan.from_json(json.loads(json.dumps(plan.to_json())))
    assert again == plan
    assert again.hash == plan.hash


@pytest.mark.parametrize(("configured", "width"), [(1, 1), (3, 3), (0, 32)])
def test_concurrency_is_the_nodes_own(configured: int, width: int) -> None:
    plan = plan_drain(facts(instance("a"), concurrency=configured), DrainOptions(), reason="", patience=60)
    assert plan.lanes == {"migrations from c01": width}


def test_a_dead_nova_compute_cannot_drain() -> None:
    world = replace(facts(instance("a")), service=replace(SERVICE, up=False))
    with pytest.raises(Refused, match="nova-compute on c01 is down"):
        maintain(world)


def test_no_target_at_all_is_refused_with_the_reasons() -> None:
    world = replace(facts(instance("a")), targets=(), unusable={C02: "its nova-compute is down"})
    with pytest.raises(Refused, match="c02: its nova-compute is down") as refused:
        maintain(world)
    assert refused.value.code is Code.NO_TARGET


def test_an_instance_that_cannot_move_refuses_the_whole_plan_and_is_named() -> None:
    with pytest.raises(Refused, match="b is in rescue") as refused:
        maintain(facts(instance("a"), instance("b", "rescued")))
    assert refused.value.code is Code.INSTANCE_UNMOVABLE


def test_an_empty_node_needs_no_target() -> None:
    plan = maintain(replace(facts(), targets=()))
    assert "instance.move" not in {s.action for s in plan.steps}
