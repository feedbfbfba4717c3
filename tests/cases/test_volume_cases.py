"""Cases as data: what each witness says of one volume, and what is expected to be found and offered, line by line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from stackmend.domain.instance import Instance
from stackmend.domain.values import InstanceId, NodeName
from stackmend.domain.volume import (
    Attachment,
    Repair,
    Volume,
    VolumeDisk,
    VolumeFacts,
    VolumeFinding,
    VolumeMapping,
    Watched,
)
from stackmend.rules.volumes import judge, repairs

CASES = sorted((Path(__file__).parent / "volumes").glob("*.yaml"))
WORLDS = [(path.stem, name, case) for path in CASES for name, case in yaml.safe_load(path.read_text()).items()]
NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
NODES = ("c01", "c02", "c03")
IDS = [f"{stem}: {name}" for stem, name, _ in WORLDS]
every_world = pytest.mark.parametrize("case", [case for _, _, case in WORLDS], ids=IDS)


def facts(world: dict[str, Any]) -> VolumeFacts:
    """Return the world of a case; what it leaves out is well: web is active on c01, in a domain that runs."""
    instances = {
        InstanceId(name): Instance(
            InstanceId(name), name, NodeName(i.get("host", "c01")), i.get("state", "active"), i.get("task", "")
        )
        for name, i in {name: values or {} for name, values in world.get("instances", {}).items()}.items()
    }
    status = world.get("status", "in-use")
    return VolumeFacts(
        id="v",
        volume=Volume("v", "", status, NOW - timedelta(seconds=world.get("age", 3600))) if status else None,
        attachments=tuple(
            Attachment(a["id"], "v", InstanceId(a.get("for", "")), a["status"], NodeName(a.get("host", "")))
            for a in world.get("attachments", ())
        ),
        mappings=tuple(
            VolumeMapping(InstanceId(m["for"]), "v", m["attachment"], "/dev/vdb", root=m.get("root", False))
            for m in world.get("mappings", ())
        ),
        disks=tuple(
            VolumeDisk(
                node=NodeName(d["at"]),
                instance=InstanceId(d["for"]),
                volume="v",
                target="vdb",
                source=d.get("source", "rbd:volumes/v"),
                running=d.get("running", True),
                opened=d.get("opened", True),
                present=d.get("present", True),
            )
            for d in world.get("disks", ())
        ),
        instances=instances,
        running=frozenset(InstanceId(i) for i in world.get("running", instances)),
        silent={NodeName(n): why for n, why in world.get("silent", {}).items()},
        asked=tuple(map(NodeName, NODES)),
        watched=Watched("volumes/v", tuple(world["watched"]), world.get("ceph", "")) if "watched" in world else None,
    )


def judged(case: dict[str, Any]) -> tuple[VolumeFinding, ...]:
    return judge(facts(case["world"]), now=NOW, settled=300)


def line(found: VolumeFinding) -> str:
    allowed = " if allowed" if found.cure and found.cure.interrupts else ""
    cure = f"{found.cure.repair} to {found.cure.wanted}{allowed}" if found.cure else "no cure"
    return f"{found.finding.level} {found.finding.code}, {cure}: {found.finding.sentence}"


@every_world
def test_findings_are_as_the_case_says(case: dict[str, Any]) -> None:
    assert [line(found) for found in judged(case)] == case["expected"]


@every_world
def test_nothing_is_offered_while_any_node_that_is_named_is_silent(case: dict[str, Any]) -> None:
    for node in NODES:
        world = {**case["world"], "silent": {node: "no answer"}}
        named = {i.host for i in facts(world).instances.values()} | {a.host for a in facts(world).attachments}
        named |= {d.node for d in facts(world).disks}
        found = judge(facts(world), now=NOW, settled=300)
        if node in named or not named - {""}:
            assert not any(f.cure for f in found)


@every_world
def test_nothing_is_offered_while_it_may_change_yet(case: dict[str, Any]) -> None:
    if case["world"].get("status", "in-use"):
        world = {**case["world"], "age": 10}
        assert not any(f.cure for f in judge(facts(world), now=NOW, settled=300))


@every_world
@pytest.mark.parametrize("word", [{"watched": ["10.0.0.9"] * 9}, {"watched": [], "ceph": "no rbd command"}])
def test_nothing_is_taken_from_a_client_that_only_ceph_may_know_of(case: dict[str, Any], word: dict[str, Any]) -> None:
    before = judge(facts(case["world"]), now=NOW, settled=300)
    found = judge(facts({**case["world"], **word}), now=NOW, settled=300)
    assert not any(f.cure and f.cure.takes_away for f in found)
    assert all(any(f.cure == b.cure for f in found) for b in before if b.cure and not b.cure.takes_away)


@every_world
def test_what_a_running_guest_has_is_only_touched_where_that_is_allowed(case: dict[str, Any]) -> None:
    world = facts(case["world"])
    opened = {d.instance for d in world.disks if d.opened}
    for cure in repairs(judged(case), Repair.DETACH, Repair.REATTACH, Repair.REBOOT):
        assert cure.interrupts or (cure.instance not in opened and cure.repair is not Repair.REBOOT)


@every_world
def test_nothing_is_released_that_a_domain_uses_and_nova_or_cinder_knows_of(case: dict[str, Any]) -> None:
    world = facts(case["world"])
    for cure in repairs(judged(case), Repair.RELEASE):
        attachment = next(a for a in world.attachments if a.id == cure.attachment)
        assert all(m.attachment != cure.attachment for m in world.mappings)
        assert all(d.node != attachment.host for d in world.disks)


def test_there_are_cases() -> None:
    assert len(WORLDS) >= 20
