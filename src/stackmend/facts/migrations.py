"""Nova's records of migrations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackmend.adapters.world import World
from stackmend.domain.instance import Migration
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, StackmendError
from stackmend.facts.times import utc

MICROVERSION = "2.80"
"""Of Train; records have UUIDs, pages and an order since 2.59."""


def of_instance(world: World, instance: InstanceId) -> tuple[Migration, ...]:
    """Return every migration of an instance, newest first.

    Raises:
        Failed: nova could not be asked.
    """
    params = {"instance_uuid": instance}
    found = world.openstack.get_list("compute", "/os-migrations", "migrations", version=MICROVERSION, params=params)
    return tuple(sorted((_of_json(record) for record in found), key=lambda m: m.id, reverse=True))


def evacuations_from(world: World, node: NodeName) -> tuple[Migration, ...]:
    """Return every evacuation away from a node, newest first.

    Raises:
        Failed: nova could not be asked.
    """
    params = {"source_compute": node, "migration_type": "evacuation"}
    found = world.openstack.get_list("compute", "/os-migrations", "migrations", version=MICROVERSION, params=params)
    return tuple(sorted((_of_json(record) for record in found), key=lambda m: m.id, reverse=True))


def live_progress(world: World, instance: InstanceId, migration: int) -> Migration | None:
    """Return a live migration with what is left of it; None where it is not in progress.

    Args:
        world: the cloud.
        instance: what is migrated.
        migration: number of the record.

    Raises:
        Failed: nova could not be asked.
    """
    path = f"/servers/{instance}/migrations/{migration}"
    try:
        return _of_json(world.openstack.get("compute", path, version=MICROVERSION)["migration"])
    except StackmendError as error:
        if error.code is Code.API_NOT_FOUND:
            return None
        raise


def _of_json(record: Mapping[str, Any]) -> Migration:
    return Migration(
        id=record["id"],
        uuid=record.get("uuid") or "",
        instance=InstanceId(record.get("instance_uuid") or record.get("server_uuid") or ""),
        kind=record.get("migration_type") or "live-migration",
        status=record["status"],
        source=NodeName(record.get("source_compute") or ""),
        target=NodeName(record.get("dest_compute") or ""),
        created=utc(record.get("created_at")),
        updated=utc(record.get("updated_at")),
        memory_remaining=record.get("memory_remaining_bytes"),
    )
