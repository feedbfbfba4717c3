"""The plan that repairs volumes: what is in it, in which order, and what it leaves alone."""

import pytest

from stackmend.domain.finding import Finding, Level
from stackmend.domain.plan import Plan
from stackmend.domain.values import InstanceId, NodeName
from stackmend.domain.volume import Repair, VolumeCure, VolumeFinding
from stackmend.errors import Code, Refused
from stackmend.runbooks.volumes import Allowed, plan_repair

ALL = tuple(Repair)


def found(
    volume: str, repair: Repair | None, *, device: str = "", attachment_status: str = "", interrupts: bool = False
) -> VolumeFinding:
    if repair is None:
        return VolumeFinding(Finding("volume-x", Level.FAILED, f"{volume} hangs", volume))
    cure = VolumeCure(
        repair,
        volume,
        volume,
        "in-use",
        "in-use",
        instance=InstanceId("web"),
        instance_name="web",
        node=NodeName("c01"),
        device=device,
        attachment_status=attachment_status,
        interrupts=interrupts,
    )
    return VolumeFinding(Finding("volume-x", Level.FAILED, f"{volume} hangs", volume), cure)


def plan(*findings: VolumeFinding, kinds: tuple[Repair, ...] = ALL, interrupt: frozenset[str] = frozenset()) -> Plan:
    return plan_repair("c01", "volume diagnose", findings, Allowed(kinds, 300, "login:", interrupt))


def test_volumes_of_one_instance_are_reattached_in_the_order_of_their_devices() -> None:
    steps = plan(found("v2", Repair.REATTACH, device="/dev/vdc"), found("v1", Repair.REATTACH, device="/dev/vdb")).steps
    assert [(s.id, s.needs) for s in steps] == [
        ("volume.reattach/v1", ()),
        ("volume.reattach/v2", ("volume.reattach/v1",)),
    ]
    assert [s.params["prompt"] for s in steps] == ["login:", "login:"]


def test_what_is_left_alone_is_noted() -> None:
    made = plan(found("v1", Repair.RESET), found("v2", None))
    assert [s.id for s in made.steps] == ["volume.reset/v1"]
    assert made.notes == ("volume-x: v2 hangs",)


def test_a_second_trouble_of_a_volume_waits_for_the_next_look() -> None:
    made = plan(found("v1", Repair.RESET), found("v1", Repair.RELEASE))
    assert [s.id for s in made.steps] == ["volume.reset/v1"]


def test_a_plan_says_what_an_undo_does_not_give_back() -> None:
    (note,) = plan(found("v1", Repair.RELEASE, attachment_status="attached")).notes
    assert "is not made again by an undo" in note
    assert plan(found("v1", Repair.RELEASE, attachment_status="reserved")).notes == ()


@pytest.mark.parametrize("repair", [Repair.REATTACH, Repair.REBOOT])
def test_what_interrupts_a_guest_is_done_only_where_its_instance_is_named(repair: Repair) -> None:
    hanging = found("v1", repair, interrupts=True)
    with pytest.raises(Refused):
        plan(hanging, interrupt=frozenset({"db"}))
    made = plan(hanging, found("v2", Repair.RESET), interrupt=frozenset({"web"}))
    assert [s.id for s in made.steps] == [f"volume.{repair}/v1", "volume.reset/v2"]
    assert "web" in made.notes[0]


def test_repairs_by_nova_on_one_instance_follow_each_other() -> None:
    last = found("v2", Repair.REATTACH, device="/dev/vdc")
    made = plan(last, found("v1", Repair.DETACH, device="/dev/vdb"), found("v3", Repair.COMPLETE))
    assert [(s.id, s.needs) for s in made.steps if s.needs] == [("volume.reattach/v2", ("volume.detach/v1",))]
    assert "leaves the attachment of v3 complete" in made.notes[-1]


def test_reattach_does_nothing_else() -> None:
    with pytest.raises(Refused) as caught:
        plan(found("v1", Repair.RESET), kinds=(Repair.REATTACH,))
    assert caught.value.code is Code.NOTHING_TO_REPAIR
    assert "v1 hangs" in caught.value.sentence


def test_a_plan_is_the_same_after_it_was_written_down() -> None:
    made = plan(found("v1", Repair.RESET), found("v2", Repair.REATTACH))
    assert Plan.from_json(made.to_json()).hash == made.hash
