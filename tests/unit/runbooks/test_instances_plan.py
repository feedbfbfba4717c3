"""Plans that bring instances up: which steps, in which order, and what is refused."""

from __future__ import annotations

import pytest

from stackmend.domain.boot_failure import Cause, Cure
from stackmend.domain.instance import Instance
from stackmend.domain.values import InstanceId, NodeName
from stackmend.engine.scheduling import check
from stackmend.errors import Code, Refused
from stackmend.rules.starting import Wanted
from stackmend.runbooks.instances import plan_cure, plan_reboot, plan_start


def instance(name: str, state: str = "active") -> Instance:
    return Instance(InstanceId(f"id-{name}"), name, NodeName("c02"), state)


def cause(code: str, cure: Cure) -> Cause:
    return Cause(code, "it is so", cure, "do that", {"host": "c02"})


def test_a_start_is_one_lane_and_a_look_at_all_of_them() -> None:
    wanted = [Wanted(instance("b"), "it ran"), Wanted(instance("a", "stopped"), "it ran")]
    plan = plan_start("c02", wanted, ["c: a user stopped it"], limit=3, order="priority")
    check(plan)
    assert [s.id for s in plan.steps] == ["start/id-b", "start/id-a", "check"]
    assert plan.lanes == {"start": 3}
    assert {s.lane for s in plan.steps[:2]} == {"start"}
    assert plan.steps[2].needs == ("start/id-b", "start/id-a")
    assert plan.notes == ("c: a user stopped it",)
    assert plan.steps[0].commands == ("openstack server reboot --hard id-b",)
    assert plan.steps[1].commands == ("openstack server start id-a",)


def test_nothing_to_start_is_refused_with_who_is_left() -> None:
    with pytest.raises(Refused) as caught:
        plan_start("c02", [], ["c: a user stopped it"], limit=4, order="name")
    assert caught.value.code is Code.INSTANCE_STATE
    assert "c: a user stopped it" in caught.value.sentence


def test_only_what_is_active_is_rebooted_softly() -> None:
    with pytest.raises(Refused) as caught:
        plan_reboot(instance("a", "error"), hard=False)
    assert caught.value.code is Code.INSTANCE_STATE
    assert [s.action for s in plan_reboot(instance("a", "error"), hard=True).steps] == [
        "instance.reboot",
        "instance.check",
    ]


@pytest.mark.parametrize(
    ("cure", "action"), [(Cure.START, "instance.start"), (Cure.HARD_REBOOT, "instance.reboot")], ids=["start", "reboot"]
)
def test_the_first_cause_is_cured_and_the_others_are_named(cure: Cure, action: str) -> None:
    plan = plan_cure(instance("a"), [cause("xml-missing", cure), cause("network-not-bound", Cure.NONE)])
    check(plan)
    assert [s.action for s in plan.steps] == [action, "instance.check"]
    assert plan.notes == ("network-not-bound: it is so",)
    assert plan.steps[1].params["watch"] == 0


def test_a_guest_that_had_panicked_is_watched() -> None:
    plan = plan_cure(instance("a"), [cause("kernel-panic", Cure.HARD_REBOOT)])
    assert plan.steps[1].params["watch"] == 30


@pytest.mark.parametrize("causes", [[], [cause("disk-corrupt", Cure.NONE), cause("xml-missing", Cure.START)]])
def test_without_a_cure_it_is_refused(causes: list[Cause]) -> None:
    with pytest.raises(Refused) as caught:
        plan_cure(instance("a"), causes)
    assert caught.value.code is Code.NO_CURE
