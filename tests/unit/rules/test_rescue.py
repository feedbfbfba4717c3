"""Whether the disks of an instance may be read, and what helps one on that is to be given back."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from stackmend.domain.instance import Domain, Instance
from stackmend.domain.rescue import Appliance, GuestDisk, NodeTools, Reader, RescueFacts, Rest, Wanted, Way
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, Refused
from stackmend.rules.rescue import choose, rest, way_back

ID = InstanceId("7f")
INSTANCE = Instance(ID, "web", NodeName("c01"), "active")
RUNNING = Domain(ID, "instance-1", "running")
OFF = Domain(ID, "instance-1", "shut off")
SAVED = replace(OFF, saved=True)
BARE = NodeTools(appliance=Appliance(works=False, sentence="supermin: no kernel"))
FACTS = RescueFacts(
    instance=INSTANCE,
    domain=RUNNING,
    disks=(GuestDisk("disk", "/i/7f/disk", "qcow2"),),
    elsewhere=(),
    ties=(),
    tools=BARE,
    service_up=True,
)
WITH_APPLIANCE = replace(FACTS, tools=NodeTools(appliance=Appliance(works=True)))
WANTED = Wanted(("/",), (), "", (), "", 900, trust_guest=True, consent="op@box", reason="r")


def in_state(vm_state: str, domain: Domain | None, task: str = "") -> RescueFacts:
    return replace(FACTS, instance=replace(INSTANCE, vm_state=vm_state, task_state=task), domain=domain)


def refusal(facts: RescueFacts, wanted: Wanted = WANTED) -> Refused:
    with pytest.raises(Refused) as caught:
        decide(facts, wanted)
    return caught.value


def decide(facts: RescueFacts, wanted: Wanted) -> None:
    rest(facts)
    choose(facts, wanted)


def test_one_that_runs_is_suspended() -> None:
    assert rest(FACTS) is Rest.SUSPEND


@pytest.mark.parametrize(
    "facts",
    [replace(FACTS, service_up=False), replace(in_state("", RUNNING), silence="the API did not answer")],
)
def test_where_nova_cannot_its_node_pauses_it(facts: RescueFacts) -> None:
    assert rest(facts) is Rest.PAUSE


@pytest.mark.parametrize(
    "facts",
    [
        in_state("stopped", OFF),
        replace(in_state("", OFF), silence="the API did not answer"),
        in_state("stopped", None),
        in_state("suspended", SAVED),
        in_state("error", OFF),
        replace(in_state("active", OFF), service_up=False),
    ],
)
def test_one_that_rests_is_read_as_it_is(facts: RescueFacts) -> None:
    assert rest(facts) is Rest.ALREADY


@pytest.mark.parametrize(
    "facts",
    [
        in_state("active", RUNNING, task="rebooting"),
        in_state("paused", replace(RUNNING, state="paused")),
        in_state("stopped", RUNNING),
        in_state("suspended", RUNNING),
        in_state("rescued", RUNNING),
        in_state("building", None),
        replace(in_state("", replace(RUNNING, state="paused")), silence="the API did not answer"),
    ],
)
def test_one_that_is_neither_is_refused(facts: RescueFacts) -> None:
    assert refusal(facts).code is Code.INSTANCE_CHANGED


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        (replace(FACTS, ties=("PCI device 0000:01:00.0",)), "PCI device"),
        (replace(FACTS, disks=(), elsewhere=("vda is rbd volumes/x",)), "rbd volumes/x"),
        (replace(FACTS, tools=NodeTools(("it has no /dev/fuse",))), "/dev/fuse"),
        (replace(FACTS, tools=NodeTools(leftover="r-1")), "r-1"),
    ],
)
def test_what_cannot_be_given_back_or_read_is_refused_and_named(facts: RescueFacts, word: str) -> None:
    refused = refusal(facts)
    assert (refused.code, word in refused.sentence) == (Code.RESCUE_IMPOSSIBLE, True)


def test_a_guest_is_not_trusted_by_default() -> None:
    refused = refusal(FACTS, replace(WANTED, trust_guest=False))
    assert (refused.code, "no kernel" in refused.sentence) == (Code.GUEST_NOT_TRUSTED, True)


@pytest.mark.parametrize("trusted", [True, False])
def test_libguestfs_is_taken_where_it_works_and_asks_for_no_trust(trusted: bool) -> None:  # noqa: FBT001 - a case
    assert choose(WITH_APPLIANCE, replace(WANTED, trust_guest=trusted)) is Reader.LIBGUESTFS
    assert choose(WITH_APPLIANCE, replace(WANTED, reader=Reader.LIBGUESTFS)) is Reader.LIBGUESTFS


def test_without_libguestfs_the_nodes_kernel_reads_one_that_is_trusted() -> None:
    assert choose(FACTS, WANTED) is Reader.FUSE
    assert choose(WITH_APPLIANCE, replace(WANTED, reader=Reader.FUSE)) is Reader.FUSE


def test_fuse_that_is_asked_for_asks_for_trust_where_libguestfs_works_too() -> None:
    assert refusal(WITH_APPLIANCE, replace(WANTED, reader=Reader.FUSE, trust_guest=False)).code is (
        Code.GUEST_NOT_TRUSTED
    )


@pytest.mark.parametrize(
    ("facts", "reader", "word"),
    [
        (FACTS, Reader.LIBGUESTFS, "no kernel"),
        (WITH_APPLIANCE, Reader.NBD, "qemu-nbd"),
        (replace(FACTS, tools=replace(BARE, missing_fuse=("it has no loop devices",))), Reader.FUSE, "loop devices"),
        (replace(FACTS, tools=replace(BARE, missing_fuse=("it has no loop devices",))), None, "no kernel"),
    ],
)
def test_a_way_that_cannot_be_gone_is_refused_and_never_replaced(
    facts: RescueFacts, reader: Reader | None, word: str
) -> None:
    refused = refusal(facts, replace(WANTED, reader=reader))
    assert (refused.code, word in refused.sentence) == (Code.RESCUE_IMPOSSIBLE, True)


@pytest.mark.parametrize(
    ("vm_state", "task", "domain", "way"),
    [
        ("suspended", "", SAVED, Way.RESUME),
        ("suspended", "resuming", SAVED, Way.WAIT),
        ("suspended", "", RUNNING, Way.RECORD),
        ("error", "", RUNNING, Way.RECORD),
        ("error", "", SAVED, Way.BY_NODE),
        ("active", "", RUNNING, Way.DONE),
        ("active", "", OFF, Way.LOST),
        ("suspended", "", OFF, Way.LOST),
        ("stopped", "", RUNNING, Way.LOST),
        ("suspended", "", None, Way.LOST),
    ],
)
def test_way_back(vm_state: str, task: str, domain: Domain | None, way: Way) -> None:
    assert way_back(replace(INSTANCE, vm_state=vm_state, task_state=task), domain) is way


def test_it_is_never_called_back_unless_it_runs_nor_recorded_as_running() -> None:
    states = ("active", "suspended", "error", "stopped", "paused", "rescued")
    for vm_state, task, domain in product(states, ("", "suspending"), (OFF, SAVED, None)):
        way = way_back(replace(INSTANCE, vm_state=vm_state, task_state=task), domain)
        assert way not in {Way.DONE, Way.RECORD}
