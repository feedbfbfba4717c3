"""The plan of a salvage: nova is told of nothing before the proof, and of no instance before its files are there."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from stackmend.actions.registry import all_actions
from stackmend.domain.death import Condition
from stackmend.domain.drain import Target
from stackmend.domain.instance import ComputeService, Instance, Resources
from stackmend.domain.plan import Plan
from stackmend.domain.recovery import RecoveryFacts, Stranded
from stackmend.domain.salvage import Copied, Place, SalvageFacts, SalvageOptions
from stackmend.domain.values import InstanceId, NodeName
from stackmend.engine.scheduling import check
from stackmend.errors import Code, Refused
from stackmend.runbooks.salvage import plan_salvage

C02, C03 = NodeName("c02"), NodeName("c03")
PATH = "/var/lib/nova/instances"


def facts() -> SalvageFacts:
    recovery = RecoveryFacts(
        service=ComputeService("s", C03, enabled=True, reason="", up=False, forced_down=False, heartbeat=None),
        condition=Condition.DEGRADED,
        why="nova-compute is stopped",
        controlled=True,
        stranded=tuple(Stranded(Instance(InstanceId(n), n, C03, "active")) for n in ("a", "b")),
        targets=(Target(C02, Resources(16, 4096, 100)),),
    )
    entries = [Copied(p, "file", 9, 9, "1 2 3 4", {"mode": 420}, (f"{PATH}/_base/x",)) for p in ("a/disk", "b/disk")]
    base = Copied("_base/x", "file", 9, 9, "5 6 7 8")
    source, target = Place(C03, PATH), Place(C02, PATH)
    return SalvageFacts(recovery, source, target, ("nova-compute.service",), entries=(*entries, base), free=1 << 40)


def salvage(world: SalvageFacts, options: SalvageOptions | None = None) -> Plan:
    return plan_salvage(world, options or SalvageOptions(rate=1000), controller="redfish", reason="OPS-1")


def behind(plan: Plan, step: str) -> set[str]:
    needs = plan.step(step).needs
    return set(needs).union(*(behind(plan, n) for n in needs))


def test_an_instance_is_evacuated_only_after_its_files_are_in_place_and_all_they_rest_on() -> None:
    plan = salvage(facts())
    check(plan)
    assert plan.steps[0].action == "node.quiet"
    for name in ("a", "b"):
        wanted = {"node.quiet/c03", "node.force-down/c03", "copy/_base/x", f"copy/{name}", f"place/{name}"}
        assert behind(plan, f"evacuate/{name}") >= wanted
        assert plan.step(f"evacuate/{name}").params["placed"] == f"place/{name}"
        assert behind(plan, f"aside/{name}") >= {f"evacuate/{name}", f"power/{name}"}
    assert [s.id for s in plan.steps if s.action == "salvage.copy-base"] == ["copy/_base/x"]
    assert plan.lanes["copies"] == 1


def test_a_base_file_that_the_target_has_is_compared_and_not_called_a_copy() -> None:
    assert salvage(facts()).step("copy/_base/x").title.startswith("Copy _base/x")
    there = salvage(replace(facts(), bases=frozenset({"x"})))
    assert there.step("copy/_base/x").title.startswith("See that c02 has the same _base/x")


def test_a_disk_read_elsewhere_needs_the_power_off() -> None:
    plan = salvage(replace(facts(), source=Place(NodeName("ops"), "/mnt"), units=()))
    assert plan.steps[0].action == "node.fence"
    assert plan.step("place/a").params["fence"] == plan.steps[0].id


def test_the_plan_is_data_that_the_program_knows() -> None:
    plan = salvage(facts())
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))).hash == plan.hash
    assert {s.action for s in plan.steps} <= {a.name for a in all_actions()}


def test_where_nothing_can_be_brought_up_it_is_refused_with_each_reason() -> None:
    with pytest.raises(Refused, match="a waits: there is no disk of it") as caught:
        salvage(replace(facts(), entries=()))
    assert caught.value.code is Code.NOTHING_TO_SALVAGE
