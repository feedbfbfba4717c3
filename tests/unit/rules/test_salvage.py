"""Who is salvaged, and which instances: never where one may run, never from less than all of its files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stackmend.domain.death import Condition
from stackmend.domain.drain import Target
from stackmend.domain.instance import ComputeService, Instance, Resources
from stackmend.domain.recovery import RecoveryFacts, Statement, Stranded
from stackmend.domain.salvage import Copied, Place, SalvageFacts, SalvageOptions
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, Refused
from stackmend.rules.salvage import RESERVE, decide, objection, wanted_bases

C02, C03 = NodeName("c02"), NodeName("c03")
PATH = "/var/lib/nova/instances"
ONE, TWO = InstanceId("one"), InstanceId("two")
MIB = 1 << 20
UNITS = ("nova-compute.service", "libvirtd.service")


def stranded(name: InstanceId, **more: object) -> Stranded:
    return Stranded(Instance(name, name, C03, "active", resources=Resources(1, 100, 1)), **more)  # type: ignore[arg-type]


def entry(path: str, *chain: str, size: int = MIB, kind: str = "file") -> Copied:
    return Copied(path, kind, size, size, "1 2 3 4", {}, tuple(f"{PATH}/_base/{c}" for c in chain))


def disks(name: InstanceId, *chain: str) -> tuple[Copied, ...]:
    return entry(name, kind="directory", size=0), entry(f"{name}/disk", *chain), entry(f"{name}/disk.info")


def facts(*entries: Copied, **more: object) -> SalvageFacts:
    recovery = RecoveryFacts(
        service=ComputeService("s", C03, enabled=True, reason="", up=False, forced_down=False, heartbeat=None),
        condition=Condition.DEGRADED,
        why="nova-compute is stopped",
        controlled=False,
        stranded=(stranded(ONE), stranded(TWO)),
        targets=(Target(C02, Resources(16, 4096, 100)),),
    )
    known = SalvageFacts(recovery, Place(C03, PATH), Place(C02, PATH), UNITS, entries=entries, free=100 * RESERVE)
    return replace(known, **more)  # type: ignore[arg-type]


def said(world: SalvageFacts) -> dict[str, str]:
    return {one.stranded.instance.id: one.sentence for one in decide(world, SalvageOptions()) if not one.moves}


def refused(world: SalvageFacts, options: SalvageOptions | None = None) -> Code | None:
    found = objection(world, options or SalvageOptions())
    return found.code if found else None


def test_one_that_nova_hears_is_drained_instead() -> None:
    world = facts()
    heard = replace(world.recovery, service=replace(world.recovery.service, up=True))
    assert refused(world) is None
    assert refused(replace(world, recovery=heard)) is Code.NODE_ALIVE


def test_nothing_is_copied_from_under_an_instance_that_runs_whatever_a_person_states() -> None:
    stated = SalvageOptions(statement=Statement("kay@desk", "I say so"))
    assert refused(facts(running={ONE: "process 7, qemu-system-x86_64"}), stated) is Code.NODE_ALIVE


def test_another_system_on_the_node_or_a_disk_elsewhere_needs_a_controller_or_a_person() -> None:
    stated = SalvageOptions(statement=Statement("kay@desk", "booted from a stick"))
    rescued, carried = facts(units=()), facts(source=Place(NodeName("ops"), "/mnt"), units=())
    for world in (rescued, carried):
        assert refused(world) is Code.NODE_NOT_FENCED
        assert refused(world, stated) is None
    controlled = replace(carried, recovery=replace(carried.recovery, controlled=True))
    assert refused(controlled) is None
    silent = replace(controlled, recovery=replace(controlled.recovery, controller_error="no answer"))
    assert refused(silent) is Code.NODE_NOT_FENCED


def test_a_target_that_is_down_is_none() -> None:
    world = facts(target=Place(NodeName("c09"), PATH))
    assert refused(world) is Code.NO_TARGET


def test_a_base_file_is_copied_once_and_only_where_the_target_may_need_it() -> None:
    world = facts(*disks(ONE, "abc"), *disks(TWO, "abc"), entry("_base/abc"), entry("_base/other"))
    found = decide(world, SalvageOptions())
    assert [one.moves for one in found] == [True, True]
    assert [b.path for b in wanted_bases(world, found)] == ["_base/abc"]
    assert [f.path for f in found[0].files] == ["one", "one/disk", "one/disk.info"]


@pytest.mark.parametrize(
    ("world", "why"),
    [
        (facts(*disks(ONE)[:1], *disks(TWO)), "there is no disk of it in c03:"),
        (facts(*disks(ONE), *disks(TWO), taken=frozenset({ONE})), "c02:/var/lib/nova/instances has a directory of it"),
        (facts(*disks(ONE, "gone"), *disks(TWO)), "neither in c03:/var/lib/nova/instances nor on c02"),
        (facts(*disks(ONE), entry("one/link", kind="other"), *disks(TWO)), "neither file nor directory"),
        (
            facts(*disks(ONE, "abc"), *disks(TWO), entry("_base/abc"), target=Place(C02, "/srv/instances")),
            "which c02 will not have at that path",
        ),
    ],
)
def test_one_whose_files_are_not_all_there_or_whose_name_is_taken_waits(world: SalvageFacts, why: str) -> None:
    waiting = said(world)
    assert list(waiting) == [ONE]
    assert why in waiting[ONE]


def test_what_is_shared_or_on_a_volume_is_not_copied() -> None:
    volume = Stranded(Instance(ONE, ONE, C03, "active", on_volume=True))
    with_disk = Stranded(Instance(TWO, TWO, C03, "active", on_volume=True), ephemeral_gb=1)
    world = facts(*disks(TWO))
    found = decide(replace(world, recovery=replace(world.recovery, stranded=(volume, with_disk))), SalvageOptions())
    assert [(one.moves, bool(one.files)) for one in found] == [(True, False), (True, True)]
    shared = decide(facts(*disks(ONE), *disks(TWO), shared=True), SalvageOptions())
    assert [(one.moves, bool(one.files)) for one in shared] == [(True, False), (True, False)]


def test_room_is_looked_for_before_anything_is_copied() -> None:
    world = facts(*disks(ONE, "abc"), *disks(TWO), entry("_base/abc"), free=RESERVE + 5 * MIB - 1)
    with pytest.raises(Refused) as caught:
        decide(world, SalvageOptions())
    assert caught.value.code is Code.NO_ROOM
    assert decide(replace(world, bases=frozenset({"abc"})), SalvageOptions())
    assert decide(world, SalvageOptions(only=frozenset({ONE})))
