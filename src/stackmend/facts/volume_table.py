"""The chapter's table of the volumes of a node's instances: by the APIs, or by the databases where those are down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from stackmend.adapters.world import World
from stackmend.domain.values import InstanceId, NodeName
from stackmend.domain.volume import Attachment, Volume, VolumeMapping, VolumeRow
from stackmend.facts import instances, volumes
from stackmend.facts.nova_database import LIMIT

_NOVA = f"""
select i.uuid, i.display_name, b.volume_id, b.attachment_id, b.device_name
from instances i left join block_device_mapping b
  on b.instance_uuid = i.uuid and b.deleted = 0 and b.volume_id is not null
where i.host = :node and i.deleted = 0 limit {LIMIT}"""  # noqa: S608 - a constant
_VOLUMES = f"""
select v.id, v.display_name, v.status from volumes v
where v.deleted = 0 and v.status <> 'available' limit {LIMIT}"""  # noqa: S608 - a constant
_ATTACHMENTS = f"""
select a.id, a.volume_id, a.instance_uuid, a.attach_status, a.attached_host, a.mountpoint from volume_attachment a
where a.deleted = 0 limit {LIMIT}"""  # noqa: S608 - a constant


def by_api(world: World, node: NodeName) -> tuple[VolumeRow, ...]:
    """Return the volumes of a node's instances by nova and Cinder.

    Raises:
        Failed: one of them could not be asked.
    """
    with ThreadPoolExecutor(2) as pool:
        records = pool.submit(volumes.everything, world)
        here = instances.on_node(world, node)
        mappings = volumes.mappings(world, [i.id for i in here if i.volumes])
        cinder = records.result()
    return table({i.id: i.name for i in here}, mappings, cinder.volumes, cinder.attachments)


def by_databases(world: World, node: NodeName) -> tuple[VolumeRow, ...]:
    """Return the same by the databases of nova and Cinder.

    Raises:
        Failed: DATABASE_UNREACHABLE, DATABASE_REFUSED.
    """
    rows = world.databases.rows("nova", _NOVA, {"node": node})
    return table(
        {InstanceId(row["uuid"]): row["display_name"] or "" for row in rows},
        [_mapping(row) for row in rows if row["volume_id"]],
        [Volume(v["id"], v["display_name"] or "", v["status"] or "") for v in world.databases.rows("cinder", _VOLUMES)],
        [_attachment(row) for row in world.databases.rows("cinder", _ATTACHMENTS)],
    )


def table(
    names: Mapping[InstanceId, str],
    mappings: Iterable[VolumeMapping],
    known: Iterable[Volume],
    attachments: Iterable[Attachment],
) -> tuple[VolumeRow, ...]:
    """Return a row for each volume that nova or Cinder gives to one of the instances, by name and device."""
    records = {v.id: v for v in known}
    held = {(a.instance, a.volume): a for a in attachments if a.instance in names}
    mapped = {(m.instance, m.volume): m for m in mappings}
    rows = []
    for instance, volume in held.keys() | mapped.keys():
        attachment, mapping = held.get((instance, volume)), mapped.get((instance, volume))
        record = records.get(volume)
        rows.append(
            VolumeRow(
                instance=instance,
                instance_name=names.get(instance, ""),
                volume=volume,
                status=record.status if record else "",
                attachment=attachment.status if attachment else "",
                device=(mapping.device if mapping else "") or (attachment.device if attachment else ""),
                name=record.name if record else "",
            )
        )
    return tuple(sorted(rows, key=lambda row: (row.instance_name, row.instance, row.device, row.volume)))


def _mapping(row: Mapping[str, Any]) -> VolumeMapping:
    return VolumeMapping(
        InstanceId(row["uuid"]), row["volume_id"], row["attachment_id"] or "", row["device_name"] or ""
    )


def _attachment(row: Mapping[str, Any]) -> Attachment:
    return Attachment(
        id=row["id"],
        volume=row["volume_id"] or "",
        instance=InstanceId(row["instance_uuid"] or ""),
        status=row["attach_status"] or "",
        host=NodeName(row["attached_host"] or ""),
        device=row["mountpoint"] or "",
    )
