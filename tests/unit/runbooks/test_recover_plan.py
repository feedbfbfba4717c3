"""The plan of a recovery: nothing before the fence, nothing unasked, the same plan for the same world."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from stackmend.actions.registry import all_actions
from stackmend.domain.death import Condition
from stackmend.domain.drain import Target
from stackmend.domain.instance import ComputeService, Instance, Resources
from stackmend.domain.plan import Plan
from stackmend.domain.recovery import RecoveryFacts, RecoveryOptions, Statement, Stranded
from stackmend.domain.values import InstanceId, NodeName
from stackmend.engine.scheduling import check
from stackmend.errors import Code, Refused
from stackmend.runbooks.recover import plan_recover

C02, C03 = NodeName("c02"), NodeName("c03")


def stranded(name: str, priority: int = 0) -> Stranded:
    return Stranded(Instance(InstanceId(name), name, C03, "active", on_volume=True), priority=priority)


def facts(*instances: Stranded) -> RecoveryFacts:
    return RecoveryFacts(
        service=ComputeService("s", C03, enabled=True, reason="", up=False, forced_down=False, heartbeat=None),
        condition=Condition.OFF,
        why="its power controller says off",
        controlled=True,
        stranded=instances,
        targets=(Target(C02, Resources(16, 4096, 100)),),
        down=(C03,),
        computes=3,
    )


def recover(world: RecoveryFacts, options: RecoveryOptions | None = None) -> Plan:
    return plan_recover(world, options or RecoveryOptions(), controller="redfish at https://bmc", reason="OPS-1")


def behind(plan: Plan, step: str) -> set[str]:
    """Return the actions of everything that must have ended before a step starts."""
    needs = plan.step(step).needs
    return {plan.step(n).action for n in needs}.union(*(behind(plan, n) for n in needs))


def test_nothing_is_touched_before_the_fence_and_nothing_moved_before_nova_knows() -> None:
    plan = recover(facts(stranded("a"), stranded("b")))
    assert plan.steps[0].action == "node.fence"
    for step in plan.steps[1:]:
        assert "node.fence" in behind(plan, step.id)
    for name in ("a", "b"):
        assert behind(plan, f"evacuate/{name}") >= {"node.force-down", "scheduling.disable"}
        assert "instance.evacuate" in behind(plan, f"power/{name}")
    assert {"instance.evacuate", "instance.restore-power"} <= behind(plan, "recovered/c03")


def test_the_scheduler_is_told_after_nova_takes_the_node_for_down() -> None:
    assert "node.force-down" in behind(recover(facts()), "scheduling.disable/c03")


def test_the_important_go_first_within_the_limit() -> None:
    plan = recover(facts(stranded("a"), stranded("z", priority=9)), RecoveryOptions(limit=2))
    moves = [s.params["name"] for s in plan.steps if s.action == "instance.evacuate"]
    assert moves == ["z", "a"]
    assert plan.lanes == {"evacuations from c03": 2}
    assert {s.lane for s in plan.steps if s.action.startswith("instance.")} == set(plan.lanes)


def test_one_that_would_lose_data_is_a_note_and_no_step() -> None:
    local = replace(stranded("a"), instance=replace(stranded("a").instance, on_volume=False))
    plan = recover(facts(local))
    assert not [s for s in plan.steps if s.action == "instance.evacuate"]
    assert len(plan.notes) == 1
    assert "--accept-loss a" in plan.notes[0]
    accepted = recover(facts(local), RecoveryOptions(accept_loss=frozenset({InstanceId("a")})))
    assert "the loss of its root disk is accepted" in accepted.step("evacuate/a").title


def test_a_statement_is_in_the_step_only_where_no_controller_answers() -> None:
    options = RecoveryOptions(statement=Statement("kay@desk", "plug pulled"))
    unneeded = recover(facts(), options)
    assert "statement" not in unneeded.steps[0].params
    assert "not needed" in unneeded.notes[0]
    needed = recover(replace(facts(), controller_error="no answer"), options)
    assert needed.steps[0].params["statement"] == {"by": "kay@desk", "reason": "plug pulled"}


def test_a_refusal_is_raised_with_its_code() -> None:
    with pytest.raises(Refused) as caught:
        recover(replace(facts(), condition=Condition.UP))
    assert caught.value.code is Code.NODE_ALIVE
    assert "stackmend node drain c03" in caught.value.hint


def test_the_plan_survives_json_and_can_be_carried_out() -> None:
    plan = recover(facts(stranded("a")))
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))).hash == plan.hash
    check(plan)
    assert {s.action for s in plan.steps} <= {a.name for a in all_actions()}


def test_rows_are_changed_after_the_fence_all_at_once_and_only_what_ran_is_rebooted() -> None:
    off = Stranded(Instance(InstanceId("off"), "off", C03, "stopped", on_volume=True))
    busy = Stranded(Instance(InstanceId("busy"), "busy", C03, "active", "rebuilding", on_volume=True))
    plan = recover(facts(stranded("a"), off, busy), RecoveryOptions(target=C02, by_database=True))
    assert [s.id for s in plan.steps[3:]] == [
        "rows/c03",
        "settle/a",
        "reboot-relocated/a",
        "settle/off",
        "recovered/c03",
        "node.clear-records/c03",
    ]
    rows = plan.step("rows/c03")
    assert behind(plan, rows.id) == {"node.fence", "node.force-down", "scheduling.disable"}
    assert rows.params["instances"] == {"a": {"name": "a", "was": "active"}, "off": {"name": "off", "was": "stopped"}}
    assert (rows.params["target"], rows.params["fence"]) == ("c02", plan.steps[0].id)
    assert plan.step("reboot-relocated/a").params["node"] == "c02"
    assert plan.step("recovered/c03").params["moves"] == {"a": "settle/a", "off": "settle/off"}
    assert "busy waits" in plan.notes[0]
    check(plan)


def test_where_no_row_may_be_changed_there_is_no_step_for_it() -> None:
    busy = Stranded(Instance(InstanceId("busy"), "busy", C03, "active", "rebuilding", on_volume=True))
    plan = recover(facts(busy), RecoveryOptions(target=C02, by_database=True))
    assert [s.id for s in plan.steps[3:]] == ["recovered/c03", "node.clear-records/c03"]
