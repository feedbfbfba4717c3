"""The order of a rescue: the guard stands before the instance is touched, and goes when it is given back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stackmend.domain.instance import Domain, Instance
from stackmend.domain.rescue import GuestDisk, NodeTools, RescueFacts, Wanted
from stackmend.domain.values import InstanceId, NodeName
from stackmend.engine.scheduling import check
from stackmend.errors import Refused
from stackmend.runbooks.rescue import plan_end, plan_rescue

ID = InstanceId("7f")
FACTS = RescueFacts(
    instance=Instance(ID, "web", NodeName("c01"), "active"),
    domain=Domain(ID, "instance-1", "running"),
    disks=(GuestDisk("disk", "/i/7f/disk", "qcow2"),),
    elsewhere=("vdb is rbd volumes/v1",),
    ties=(),
    tools=NodeTools(),
    service_up=True,
)
WANTED = Wanted(
    lists=("/",),
    reads=("/etc/fstab",),
    scratch="/s",
    copies=("/home",),
    to="/to",
    limit=900,
    trust_guest=True,
    consent="ann@box",
    reason="TICKET-7",
)


def actions(facts: RescueFacts, wanted: Wanted = WANTED) -> list[str]:
    plan = plan_rescue(facts, wanted)
    check(plan)
    assert [step.needs for step in plan.steps] == [(), *((step.id,) for step in plan.steps[:-1])]
    return [step.action.removeprefix("rescue.") for step in plan.steps]


def test_one_that_runs_is_suspended_behind_the_guard_and_resumed_before_it_goes() -> None:
    reading = ["open", "list", "copy", "copy", "close"]
    assert actions(FACTS) == ["arm", "suspend", *reading, "resume", "disarm"]


def test_a_shell_comes_last_and_the_plan_says_what_is_not_journaled() -> None:
    assert actions(FACTS, replace(WANTED, shell_minutes=5)) == [
        *("arm", "suspend", "open", "list", "copy", "copy", "shell"),
        *("close", "resume", "disarm"),
    ]
    assert any("only libguestfs tells" in note for note in plan_rescue(FACTS, replace(WANTED, shell_minutes=5)).notes)


def test_one_that_rests_is_neither_suspended_nor_resumed() -> None:
    facts = replace(FACTS, instance=replace(FACTS.instance, vm_state="stopped"), domain=None)
    only_list = replace(WANTED, reads=(), copies=(), to="")
    assert actions(facts, only_list) == ["arm", "open", "list", "close", "disarm"]


def test_one_that_nova_cannot_suspend_is_paused_and_its_disks_are_shared() -> None:
    plan = plan_rescue(replace(FACTS, silence="the API did not answer"), WANTED)
    check(plan)
    reading = ["open", "list", "copy", "copy", "close"]
    assert [step.action.removeprefix("rescue.") for step in plan.steps] == [
        *("arm", "pause", *reading),
        *("unpause", "disarm"),
    ]
    assert plan.steps[2].params["share"]
    assert not plan_rescue(FACTS, WANTED).steps[2].params["share"]
    assert any("the API did not answer" in note for note in plan.notes)


def test_who_consented_why_and_what_is_not_read_stand_in_the_plan() -> None:
    plan = plan_rescue(FACTS, WANTED)
    assert (plan.options["consent"], plan.options["reason"]) == ("ann@box", "TICKET-7")
    assert "not read: vdb is rbd volumes/v1" in plan.notes
    assert plan.subject == "c01"


def test_without_trust_there_is_no_plan() -> None:
    with pytest.raises(Refused):
        plan_rescue(FACTS, replace(WANTED, trust_guest=False))


def test_an_end_closes_gives_back_and_takes_the_guard_away() -> None:
    plan = plan_end(FACTS.instance, WANTED)
    check(plan)
    ending = ["rescue.close", "rescue.unpause", "rescue.resume", "rescue.disarm"]
    assert [step.action for step in plan.steps] == ending
    without_nova = plan_end(FACTS.instance, WANTED, silence="the API did not answer")
    check(without_nova)
    assert [step.action for step in without_nova.steps] == [name for name in ending if name != "rescue.resume"]
