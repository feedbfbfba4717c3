"""Nova's records of the instances on a node, with what an evacuation of them would need and lose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from stackmend.adapters.world import World
from stackmend.domain.instance import Instance
from stackmend.domain.recovery import Stranded
from stackmend.domain.values import NodeName
from stackmend.facts import instances, migrations
from stackmend.facts.concurrently import each
from stackmend.facts.location import ARRIVED

PRIORITY = "stackmend:priority"
"""Key of the metadata with an instance's priority; a tag ``priority=N`` says the same."""

_TAG = re.compile(r"priority=(-?\d+)")
_NUMBER = re.compile(r"-?\d+")


def on_node(world: World, node: NodeName) -> tuple[Stranded, ...]:
    """Return the instances that nova records on a node, sorted by name.

    Raises:
        Failed: nova could not be asked.
    """
    params = {"all_tenants": "1", "host": node}
    servers = world.openstack.get_list(
        "compute", "/servers/detail", "servers", version=instances.MICROVERSION, params=params
    )
    here = {s["id"]: s for s in servers if s.get("OS-EXT-SRV-ATTR:host") == node}

    def ask(server: str) -> Stranded:
        instance = instances.of_json(here[server])
        return of_json(here[server], instance, _arrived(world, instance))

    return tuple(sorted(each(ask, here).values(), key=lambda s: (s.instance.name, s.instance.id)))


def of_json(server: Mapping[str, Any], instance: Instance, arrived: datetime | None) -> Stranded:
    """Return a stranded instance from nova's JSON."""
    flavor = server.get("flavor") or {}
    return Stranded(
        instance=instance,
        image=(server.get("image") or {}).get("id") or "",
        ephemeral_gb=flavor.get("ephemeral") or 0,
        swap_mb=flavor.get("swap") or 0,
        config_drive=bool(server.get("config_drive")),
        priority=priority(server.get("metadata") or {}, server.get("tags") or ()),
        arrived=arrived,
    )


def priority(metadata: Mapping[str, str], tags: list[str] | tuple[str, ...]) -> int:
    """Return an instance's priority: by its metadata, else by its highest tag, else 0. What is no number counts not."""
    said = str(metadata.get(PRIORITY, "")).strip()
    if _NUMBER.fullmatch(said):
        return int(said)
    return max((int(m[1]) for tag in tags if (m := _TAG.fullmatch(tag))), default=0)


def _arrived(world: World, instance: Instance) -> datetime | None:
    """Return when it came to its node: by its last launch, or by a live migration since, which is no launch."""
    moves = [
        m.updated
        for m in migrations.of_instance(world, instance.id)
        if m.target == instance.host and m.status in ARRIVED and m.updated is not None
    ]
    return max([*moves, *([instance.launched] if instance.launched else [])], default=None)
