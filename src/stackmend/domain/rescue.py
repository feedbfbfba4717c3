"""Reading the disks of an instance from outside: what is there, what is wanted, what was found."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from stackmend.domain.instance import Domain, Instance
from stackmend.domain.values import InstanceId, JsonObject, NodeName


@dataclass(frozen=True)
class GuestDisk:
    """A disk of an instance that is a file on its node.

    Attributes:
        name: of the file: ``disk``, and for ephemeral disks ``disk.local`` or ``disk.eph0``.
        path: of the file on the node.
        form: ``qcow2`` or ``raw``, as libvirt's XML or nova's ``disk.info`` says; never probed, as a guest could write
            the header of another format into a raw disk.
    """

    name: str
    path: str
    form: str


@dataclass(frozen=True)
class GuestSystem:
    """A file system, or what is in the place of one, found on an instance's disks.

    Attributes:
        name: of the disk, and the number of the partition where it has any, such as ``disk.1``.
        kind: ``ext4``, ``xfs``, ``LVM2_member``, …; ``none`` where nothing is known.
        mounted: whether it can be read.
        sentence: what is to be said of it; empty for nothing.
    """

    name: str
    kind: str
    mounted: bool
    sentence: str = ""


@dataclass(frozen=True)
class GuestFile:
    """A file of a guest that was copied.

    Attributes:
        system: name of the file system it is on.
        path: on that file system.
        size: bytes.
        sha256: of the contents, computed on the node and again from what was written here.
    """

    system: str
    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class NodeTools:
    """What reading disks needs of a node.

    Attributes:
        missing: sentences on what is not there; empty where all is.
        leftover: the run whose rescue of this instance is still armed on the node; empty for none.
    """

    missing: tuple[str, ...] = ()
    leftover: str = ""


@dataclass(frozen=True)
class RescueFacts:
    """What a rescue is decided on.

    Attributes:
        instance: nova's record.
        domain: libvirt's; None where the node's libvirt has none.
        disks: its disks that are files on the node.
        elsewhere: its disks that are not, as a person would name them.
        ties: devices that nova takes away at a suspend and only nova gives back.
        tools: what the node has.
        service_up: whether nova-compute on the node works.
    """

    instance: Instance
    domain: Domain | None
    disks: tuple[GuestDisk, ...]
    elsewhere: tuple[str, ...]
    ties: tuple[str, ...]
    tools: NodeTools
    service_up: bool


@dataclass(frozen=True)
class Wanted:
    """What the operator wants of the disks.

    Attributes:
        lists: paths to list.
        reads: files to show.
        scratch: directory on the operator's machine that holds them until they are shown.
        copies: files and directories to copy.
        to: directory on the operator's machine that receives them; empty where nothing is copied.
        limit: seconds after which the node gives the instance back by itself.
        trust_guest: whether the node's kernel may parse the guest's file systems.
        consent: who asked for it.
        reason: why.
    """

    lists: tuple[str, ...]
    reads: tuple[str, ...]
    scratch: str
    copies: tuple[str, ...]
    to: str
    limit: int
    trust_guest: bool
    consent: str
    reason: str


@dataclass(frozen=True)
class Guarded:
    """What all steps of a rescue are about.

    Attributes:
        node: where the instance is.
        instance: its id.
        name: its name.
    """

    node: NodeName
    instance: InstanceId
    name: str

    def to_json(self) -> JsonObject:
        """Return it as parameters of a step."""
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Guarded:
        """Return it from parameters or a change of a step."""
        return cls(NodeName(data["node"]), InstanceId(data["instance"]), data["name"])


class Way(enum.Enum):
    """How an instance that is being given back is helped on."""

    WAIT = "nova or libvirt is at work"
    RESUME = "nova is asked to resume it"
    RECORD = "it runs, and nova's record is made to say so"
    BY_NODE = "nova failed to resume it, so the node does"
    DONE = "it runs, by nova and by libvirt"
    LOST = "it is neither running nor suspended"
