"""Volumes, and what Cinder, nova, libvirt and QEMU each say of who uses them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stackmend.domain.finding import Finding
from stackmend.domain.instance import Instance
from stackmend.domain.values import InstanceId, NodeName

NOWHERE = NodeName("")
NOBODY = InstanceId("")


@dataclass(frozen=True)
class Volume:
    """Cinder's record of a volume.

    Attributes:
        id: UUID.
        name: display name; not unique, may be empty.
        status: Cinder's: available, reserved, attaching, in-use, detaching, error, …
        updated: when the record last changed.
        backend: where Cinder keeps it, ``HOST@BACKEND#POOL``; empty where it does not say.
        stored_as: the id that its storage names it by; another than its own after Cinder has migrated it.
    """

    id: str
    name: str
    status: str
    updated: datetime | None = None
    backend: str = ""
    stored_as: str = ""


@dataclass(frozen=True)
class Image:
    """A volume's image in Ceph.

    Attributes:
        name: ``POOL/IMAGE``.
        user: Ceph's user that the instance opens it as; empty for the default.
    """

    name: str
    user: str


@dataclass(frozen=True)
class Watched:
    """Ceph's word on who has a volume's image open.

    Attributes:
        image: its name.
        clients: the addresses of its watchers, one each.
        silent: why Ceph could not be asked; empty where it was.
    """

    image: str
    clients: tuple[str, ...] = ()
    silent: str = ""


@dataclass(frozen=True)
class Attachment:
    """Cinder's record of one use of a volume.

    Attributes:
        id: UUID.
        volume: id of the volume.
        instance: who uses it; empty where no instance does (a host, or an image's cache).
        status: Cinder's: reserved, attaching, attached, detaching, …
        host: the node that it is attached to, as Cinder records it; empty while it is reserved.
        device: name that was asked for, such as /dev/vdb; empty for none.
        mode: rw or ro; empty where it is not said.
        since: when it was attached, as Cinder writes it; empty for not yet.
    """

    id: str
    volume: str
    instance: InstanceId
    status: str
    host: NodeName = NOWHERE
    device: str = ""
    mode: str = ""
    since: str = ""


@dataclass(frozen=True)
class VolumeMapping:
    """Nova's record of one volume of one instance (a block device mapping).

    Attributes:
        instance: the instance.
        volume: id of the volume.
        attachment: id of Cinder's attachment that it rests on.
        device: name that nova gave, such as /dev/vdb; empty for none.
        root: whether the instance boots from it.
        tag: of the device; empty for none.
        goes_with: whether the volume is deleted with the instance.
    """

    instance: InstanceId
    volume: str
    attachment: str
    device: str = ""
    root: bool = False
    tag: str = ""
    goes_with: bool = False


@dataclass(frozen=True)
class VolumeDisk:
    """A volume in an instance's domain, by libvirt's XML.

    Attributes:
        node: whose libvirt has the domain.
        instance: the domain's UUID.
        volume: the disk's serial, which nova sets to the volume's id.
        target: name in the XML, such as vdb.
        source: what it leads to: a path, or a name at a network storage.
        running: whether a QEMU process runs the domain.
        opened: whether that process has it as a block device, by its statistics.
        read: whether anything inside the instance has read from it since that process began: a kernel does so when it
            finds the disk.
        present: whether a local path is there on the node; True for a network storage.
    """

    node: NodeName
    instance: InstanceId
    volume: str
    target: str
    source: str
    running: bool
    opened: bool
    read: bool = False
    present: bool = True


@dataclass(frozen=True)
class VolumeFacts:
    """All that the witnesses say of one volume.

    Attributes:
        volume: Cinder's record; None where Cinder has none.
        id: of the volume.
        attachments: Cinder's.
        mappings: nova's.
        disks: libvirt's, on every node that answered.
        instances: nova's records of the instances that any of them names; one that nova has not is missing.
        running: the instances whose domain a QEMU process runs on a node that answered.
        silent: why the libvirt of a node could not be asked, by node.
        asked: the nodes whose libvirt was to be asked: all that are known.
        watched: Ceph's word; None where the volume is in no Ceph that is known of, or nothing depends on it.
    """

    id: str
    volume: Volume | None
    attachments: tuple[Attachment, ...] = ()
    mappings: tuple[VolumeMapping, ...] = ()
    disks: tuple[VolumeDisk, ...] = ()
    instances: Mapping[InstanceId, Instance] = field(default_factory=dict)
    running: frozenset[InstanceId] = frozenset()
    silent: Mapping[NodeName, str] = field(default_factory=dict)
    asked: tuple[NodeName, ...] = ()
    watched: Watched | None = None

    @property
    def called(self) -> str:
        """How a sentence names it."""
        return f"{self.volume.name} ({self.id})" if self.volume is not None and self.volume.name else self.id


class Repair(enum.StrEnum):
    """What may be done by the APIs about a finding."""

    RESET = "reset"
    RELEASE = "release"
    COMPLETE = "complete"
    DETACH = "detach"
    REATTACH = "reattach"
    REBOOT = "reboot"


@dataclass(frozen=True)
class VolumeCure:
    """A repair that the witnesses show to be safe, with the state that it is for.

    Attributes:
        repair: which.
        volume: id of the volume.
        name: how sentences call it.
        former: Cinder's status of the volume.
        wanted: the status that it is to have.
        attachment: id of the attachment that is to go; empty for none.
        attachment_status: Cinder's status of that attachment.
        instance: whose attachment it is; empty for none.
        instance_name: nova's name of it; its id where nova has it no more.
        node: where the instance is; empty for nowhere.
        device: name that nova gave.
        tag: of the device.
        goes_with: whether the volume is deleted with the instance.
        interrupts: whether the running guest loses something by it, so that somebody has to allow it by name.
        record: Cinder's record of that attachment, whole but for how to connect to the storage, which is secret.
    """

    repair: Repair
    volume: str
    name: str
    former: str
    wanted: str
    attachment: str = ""
    attachment_status: str = ""
    instance: InstanceId = NOBODY
    instance_name: str = ""
    node: NodeName = NOWHERE
    device: str = ""
    tag: str = ""
    goes_with: bool = False
    interrupts: bool = False
    record: Mapping[str, str] = field(default_factory=dict)

    @property
    def takes_away(self) -> bool:
        """Whether somebody who uses the volume unseen would lose it by this."""
        return self.repair in {Repair.RELEASE, Repair.DETACH, Repair.REATTACH} or self.wanted == "available"

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {**vars(self), "repair": str(self.repair), "record": dict(self.record)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> VolumeCure:
        """Return the cure that ``to_json`` gave."""
        return cls(**{**data, "repair": Repair(data["repair"])})


@dataclass(frozen=True)
class VolumeFinding:
    """What was found of a volume, and the cure where there is a safe one.

    Attributes:
        finding: what is so; its subject is the volume's id.
        cure: None where nothing is wrong, or nothing is shown to be safe.
        node: the node that it concerns; empty for none.
    """

    finding: Finding
    cure: VolumeCure | None = None
    node: NodeName = NOWHERE


@dataclass(frozen=True)
class VolumeRow:
    """A line of the table of a node's volumes.

    Attributes:
        instance: its id.
        instance_name: its name.
        volume: id of the volume.
        status: Cinder's status of the volume; empty where Cinder has none.
        attachment: Cinder's status of the attachment; empty where it has none.
        device: name that nova gave, such as /dev/vdc.
        name: display name of the volume.
    """

    instance: InstanceId
    instance_name: str
    volume: str
    status: str
    attachment: str
    device: str
    name: str
