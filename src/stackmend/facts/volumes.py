"""Volumes and their attachments by Cinder's API, and nova's mappings of them by nova's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stackmend.adapters.world import World
from stackmend.domain.values import InstanceId, NodeName
from stackmend.domain.volume import Attachment, Image, Volume, VolumeMapping
from stackmend.errors import Code, Refused, StackmendError
from stackmend.facts.concurrently import each
from stackmend.facts.times import utc

CINDER = "block-storage"
CINDER_VERSION = "3.27"
"""Of Ocata: the first with attachments of their own."""
NOVA_VERSION = "2.89"
"""Of Zed: the first whose list names Cinder's attachment."""
_ALL: Mapping[str, str | int] = {"all_tenants": 1}


@dataclass(frozen=True)
class CinderRecords:
    """What Cinder has.

    Attributes:
        volumes: of all projects.
        attachments: of all projects.
        images: what the attachments of a volume lead to, by the volume's id, where that is an image in Ceph.
    """

    volumes: tuple[Volume, ...]
    attachments: tuple[Attachment, ...]
    images: Mapping[str, Image] = field(default_factory=dict)


def everything(world: World) -> CinderRecords:
    """Return the volumes and attachments of all projects.

    Raises:
        Failed: Cinder could not be asked.
    """
    return _records(
        world.openstack.get_list(CINDER, "/volumes/detail", "volumes", version=CINDER_VERSION, params=_ALL),
        world.openstack.get_list(CINDER, "/attachments/detail", "attachments", version=CINDER_VERSION, params=_ALL),
    )


def of_volume(world: World, volume: str) -> CinderRecords:
    """Return one volume by its id, none where Cinder has it not, and its attachments.

    Raises:
        Failed: Cinder could not be asked.
    """
    try:
        found = [world.openstack.get(CINDER, f"/volumes/{volume}", version=CINDER_VERSION)["volume"]]
    except StackmendError as error:
        if error.code is not Code.API_NOT_FOUND:
            raise
        found = []
    query = {**_ALL, "volume_id": volume}
    attachments = world.openstack.get_list(
        CINDER, "/attachments/detail", "attachments", version=CINDER_VERSION, params=query
    )
    return _records(found, attachments)


def _records(volumes: Iterable[Mapping[str, Any]], attachments: Iterable[Mapping[str, Any]]) -> CinderRecords:
    """Return them from Cinder's JSON; only the volume tells at which node an attachment is, and under which name."""
    volumes, attachments = tuple(volumes), tuple(attachments)
    images = ((one.get("volume_id") or "", image_of(one)) for one in attachments)
    places = {place["attachment_id"]: place for one in volumes for place in one.get("attachments") or ()}
    return CinderRecords(
        tuple(of_json(one) for one in volumes),
        tuple(_attachment(one, places.get(one["id"], {})) for one in attachments),
        {volume: image for volume, image in images if image is not None},
    )


def mappings(world: World, instances: Iterable[InstanceId]) -> tuple[VolumeMapping, ...]:
    """Return nova's mappings of instances' volumes; none of an instance that was deleted meanwhile.

    Raises:
        Failed: nova could not be asked.
    """
    answers = each(lambda instance: of_instance(world, instance), instances)
    return tuple(mapping for found in answers.values() for mapping in found)


def of_instance(world: World, instance: InstanceId) -> tuple[VolumeMapping, ...]:
    """Return nova's mappings of one instance's volumes; none where it is deleted.

    Raises:
        Failed: nova could not be asked.
    """
    path = f"/servers/{instance}/os-volume_attachments"
    try:
        found = world.openstack.get("compute", path, version=NOVA_VERSION)["volumeAttachments"]
        root = world.openstack.get("compute", f"/servers/{instance}", version=NOVA_VERSION)["server"] if found else {}
    except StackmendError as error:
        if error.code is Code.API_NOT_FOUND:
            return ()
        raise
    return tuple(_mapping(instance, one, root.get("OS-EXT-SRV-ATTR:root_device_name") or "") for one in found)


def resolve(known: Iterable[Volume], name_or_id: str) -> Volume:
    """Return the volume that a person means by its UUID or by its name.

    Raises:
        Refused: VOLUME_UNKNOWN where there is none, or more than one of that name.
    """
    named = [v for v in known if name_or_id in {v.id, v.name}]
    if len(named) == 1:
        return named[0]
    if named:
        several = ", ".join(v.id for v in named)
        sentence = f"{len(named)} volumes are called {name_or_id}"
        raise Refused(Code.VOLUME_UNKNOWN, sentence, hint=f"name one by its id: {several}")
    raise Refused(Code.VOLUME_UNKNOWN, f"Cinder has no volume {name_or_id}")


def of_json(record: Mapping[str, Any]) -> Volume:
    """Return a volume from Cinder's JSON."""
    stamp = utc(record.get("updated_at") or record.get("created_at"))
    return Volume(
        id=record["id"],
        name=record.get("name") or "",
        status=record.get("status") or "",
        updated=stamp,
        backend=record.get("os-vol-host-attr:host") or "",
        stored_as=record.get("os-vol-mig-status-attr:name_id") or record["id"],
    )


def image_of(attachment: Mapping[str, Any]) -> Image | None:
    """Return the image behind an attachment of Cinder's; None where it is in no Ceph. Nothing else of it is kept."""
    connection = attachment.get("connection_info") or {}
    if connection.get("driver_volume_type") != "rbd" or "/" not in str(connection.get("name", "")):
        return None
    return Image(str(connection["name"]), str(connection.get("auth_username") or ""))


def _attachment(record: Mapping[str, Any], place: Mapping[str, Any]) -> Attachment:
    """Return an attachment; how to connect to the storage, with its secrets, is left behind."""
    return Attachment(
        id=record["id"],
        volume=record.get("volume_id") or "",
        instance=InstanceId(record.get("instance") or ""),
        status=record.get("status") or "",
        host=NodeName(place.get("host_name") or ""),
        device=place.get("device") or "",
        mode=record.get("attach_mode") or "",
        since=record.get("attached_at") or "",
    )


def _mapping(instance: InstanceId, record: Mapping[str, Any], root: str) -> VolumeMapping:
    device = record.get("device") or ""
    return VolumeMapping(
        instance=instance,
        volume=record.get("volumeId") or "",
        attachment=record.get("attachment_id") or "",
        device=device,
        root=bool(device) and device == root,
        tag=record.get("tag") or "",
        goes_with=bool(record.get("delete_on_termination")),
    )
