"""Nova's records of the instances on a node, with what an evacuation of them would need and lose."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from stackmend.adapters.world import World
from stackmend.domain.instance import Instance
from stackmend.domain.recovery import Stranded
from stackmend.domain.values import NodeName
from stackmend.facts import instances, migrations
from stackmend.facts.concurrently import each
from stackmend.rules.priority import priority
from stackmend.rules.sight import settled


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
        return of_json(here[server], instance, settled(instance, migrations.of_instance(world, instance.id)))

    return tuple(sorted(each(ask, here).values(), key=lambda s: (s.instance.name, s.instance.id)))


def of_json(server: Mapping[str, Any], instance: Instance, since: datetime | None) -> Stranded:
    """Return a stranded instance from nova's JSON, and since when it is settled."""
    flavor = server.get("flavor") or {}
    return Stranded(
        instance=instance,
        image=(server.get("image") or {}).get("id") or "",
        ephemeral_gb=flavor.get("ephemeral") or 0,
        swap_mb=flavor.get("swap") or 0,
        config_drive=bool(server.get("config_drive")),
        priority=priority(instance.metadata, server.get("tags") or ()),
        settled=since,
    )
