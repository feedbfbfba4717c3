"""Cases as data: what lies in a directory of instances, who said what, and the judgement expected of each item."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from stackmend.domain.instance import Domain, Instance, Migration
from stackmend.domain.instance_files import Cache, Disk, Entry, FilesFacts, Listing, Neighbour, NovaWord, Standing
from stackmend.domain.values import InstanceId, NodeName
from stackmend.rules.instance_cleaning import why_kept
from stackmend.rules.instance_files import judge
from stackmend.rules.instance_names import instance_of

CASES = sorted((Path(__file__).parent / "instance_files").glob("*.yaml"))
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PLACE = "/var/lib/nova/instances"


def uuid(letter: str) -> InstanceId:
    """Return the UUID that a case writes as one letter or digit."""
    return InstanceId(f"{letter * 8}-{letter * 4}-{letter * 4}-{letter * 4}-{letter * 12}")


def long(name: str) -> str:
    """Return a path with its first part spelled out, where that is an instance's: ``a_resize/disk``."""
    first, slash, rest = name.partition("/")
    letter, mark, kind = first.partition("_")
    return f"{uuid(letter)}{mark}{kind}{slash}{rest}" if len(letter) == 1 else name


def short(text: str) -> str:
    for letter in "abcdef":
        text = text.replace(uuid(letter), letter)
    return text


def entry(name: str, world: dict[str, Any]) -> Entry:
    changed = NOW - timedelta(days=world.get("days", 30))
    return Entry(long(name), world.get("type", "f" if "/" in name else "d"), 1, changed, 10, 10)


def disk(path: str, world: dict[str, Any]) -> Disk:
    return Disk(
        long(path),
        tuple(world.get("chain", ())),
        world.get("format", "qcow2"),
        world.get("expected", ""),
        world.get("error", ""),
    )


def instances(world: dict[str, Any]) -> dict[InstanceId, Instance]:
    return {
        uuid(name): Instance(
            uuid(name),
            f"name-{name}",
            NodeName(record.get("host", "c01")),
            record.get("state", "active"),
            record.get("task", ""),
            launched=NOW if record.get("launched", True) else None,
            images=tuple(record.get("images", ())),
        )
        for name, record in ((name, record or {}) for name, record in world.items())
    }


def domains(world: dict[str, Any]) -> dict[InstanceId, Domain]:
    return {
        uuid(name): Domain(
            uuid(name), f"i-{name}", (d or {}).get("state", "running"),
            files=tuple(f"{PLACE}/{long(path)}" for path in (d or {}).get("files", ())),
        )
        for name, d in world.items()
    }  # fmt: skip


def neighbour(name: str, world: dict[str, Any]) -> Neighbour:
    names = frozenset(long(n) for n in world.get("names", ()))
    found = domains(world.get("domains", {}))
    return Neighbour(NodeName(name), world.get("shares", False), names, found, world.get("silent", ""))


def nova(world: dict[str, Any]) -> NovaWord:
    moves = {
        uuid(n): Migration(1, "", uuid(n), m["kind"], m["status"], NodeName(m["source"]), NodeName(m["target"]))
        for n, m in world.get("migrations", {}).items()
    }
    return NovaWord(
        instances(world.get("instances", {})), instances(world.get("deleted", {})), moves,
        world.get("way", "nova-api"), world.get("silent", ""),
    )  # fmt: skip


def facts(world: dict[str, Any]) -> FilesFacts:
    entries = tuple(entry(n, e or {}) for n, e in world["entries"].items())
    disks = tuple(disk(p, d or {}) for p, d in world.get("disks", {}).items())
    hours, until = world.get("registered"), world.get("until", {})
    listing = Listing(
        PLACE, entries, disks,
        files=frozenset({e.name for e in entries} | {d.path for d in disks} | set(map(long, world.get("files", ())))),
        registered=None if hours is None else {NodeName(n): NOW - timedelta(hours=h) for n, h in hours.items()},
        until={run: NOW + timedelta(days=days) for run, days in until.items()},
        complaints=tuple(c.replace("./b/", f"./{uuid('b')}/") for c in world.get("complaints", ())),
    )  # fmt: skip
    return FilesFacts(
        NodeName("c01"), NOW, listing, domains(world.get("domains", {})),
        tuple(neighbour(n, v or {}) for n, v in world.get("neighbours", {}).items()),
        nova(world.get("nova", {})), Cache(world.get("expires", True)), world.get("libvirt_silent", ""),
    )  # fmt: skip


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_items_are_judged_as_the_case_says(path: Path) -> None:
    case = yaml.safe_load(path.read_text())
    audit = judge(facts(case["world"]))
    assert [short(f"{i.name} {i.standing}: {i.sentence}") for i in audit.items] == case["expected"]
    assert [short(sentence) for sentence in audit.unseen] == case.get("unseen", [])


@pytest.mark.parametrize("silence", ["libvirt", "nova", "sharing", "unknown"])
@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_whoever_is_silent_nothing_may_be_cleaned(path: Path, silence: str) -> None:
    world = yaml.safe_load(path.read_text())["world"]
    if silence == "libvirt":
        world |= {"libvirt_silent": "no answer", "domains": {}}
    elif silence == "nova":
        world["nova"] = {"silent": "no answer", "way": ""}
    else:
        shares = True if silence == "sharing" else None
        world["neighbours"] = {**world.get("neighbours", {}), "c99": {"shares": shares, "silent": "no answer"}}
    free = [item for item in judge(facts(world)).items if not why_kept(item)]
    assert free == []


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_what_nova_or_a_domain_has_here_may_not_be_cleaned(path: Path) -> None:
    world = facts(yaml.safe_load(path.read_text())["world"])
    needed = {i for i, record in world.nova.instances.items() if record.host == "c01"} | world.domains.keys()
    for item in judge(world).items:
        if instance_of(item.name) == item.name and item.name in needed:
            assert why_kept(item)
            assert item.standing is not Standing.ORPHANED


def test_there_are_cases() -> None:
    assert len(CASES) >= 8
