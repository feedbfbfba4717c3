"""Reading the disks of an instance from outside: what is there, what is wanted, what was found."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from stackmend.domain.instance import Domain, Instance
from stackmend.domain.values import InstanceId, JsonObject, NodeName


@dataclass(frozen=True)
class Rbd:
    """How an image of Ceph's is reached.

    Attributes:
        servers: monitors, each its host and port; none for those of the node's ceph.conf.
        user: Ceph's; empty for none.
        secret: UUID of the secret of the node's libvirt that holds the user's key; empty for none. The key itself never
            leaves the node.
    """

    servers: tuple[tuple[str, str], ...]
    user: str
    secret: str


@dataclass(frozen=True)
class GuestDisk:
    """A disk of an instance that its node can open.

    Attributes:
        name: of the file: ``disk``, and for ephemeral disks ``disk.local`` or ``disk.eph0``; of a volume, the device
            that the instance knows it by: ``vda``.
        path: of the file on the node; of a volume, Ceph's pool and image.
        form: ``qcow2`` or ``raw``, as libvirt's XML or nova's ``disk.info`` says; never probed, as a guest could write
            the header of another format into a raw disk.
        rbd: how it is reached, where it is an image of Ceph's; None for a file.
    """

    name: str
    path: str
    form: str
    rbd: Rbd | None = None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> GuestDisk:
        """Return it from parameters or a change of a step."""
        rbd = data.get("rbd")
        image = Rbd(tuple((h, p) for h, p in rbd["servers"]), rbd["user"], rbd["secret"]) if rbd else None
        return cls(data["name"], data["path"], data["form"], image)


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


class Rest(enum.Enum):
    """How it is brought about that nobody writes to the disks meanwhile."""

    SUSPEND = "nova suspends it"
    PAUSE = "its node's libvirt pauses it"
    ALREADY = "it rests already"


class Reader(enum.Enum):
    """What reads the file systems of a guest."""

    LIBGUESTFS = "libguestfs"
    FUSE = "fuse"
    NBD = "nbd"


@dataclass(frozen=True)
class Appliance:
    """Whether libguestfs' virtual machine starts on a node, by having started it.

    Attributes:
        works: whether it does.
        settings: for LIBGUESTFS_BACKEND_SETTINGS, with which it does.
        sentence: why not; empty where it does.
    """

    works: bool
    settings: str = ""
    sentence: str = "it was not tried"


@dataclass(frozen=True)
class NodeTools:
    """What reading disks needs of a node.

    Attributes:
        missing: sentences on what is not there and every way needs; empty where all is.
        missing_fuse: the same, of the way ``fuse`` alone.
        appliance: libguestfs there.
        leftover: the run whose rescue of this instance is still armed on the node; empty for none.
    """

    missing: tuple[str, ...] = ()
    missing_fuse: tuple[str, ...] = ()
    appliance: Appliance = Appliance(works=False)
    leftover: str = ""


@dataclass(frozen=True)
class Opening:
    """How disks are opened.

    Attributes:
        reader: what reads their file systems.
        settings: of libguestfs' backend.
        share: whether they are opened although QEMU has them open, as that of a paused instance does.
    """

    reader: Reader
    settings: str = ""
    share: bool = False


@dataclass(frozen=True)
class RescueFacts:
    """What a rescue is decided on.

    Attributes:
        instance: nova's record.
        domain: libvirt's; None where the node's libvirt has none.
        disks: its disks that the node can open: files, and images of Ceph's.
        elsewhere: its other disks, as a person would name them.
        ties: devices that nova takes away at a suspend and only nova gives back.
        tools: what the node has.
        service_up: whether nova-compute on the node works.
        silence: why nova could not be asked, so that its record is not known; empty where it was.
    """

    instance: Instance
    domain: Domain | None
    disks: tuple[GuestDisk, ...]
    elsewhere: tuple[str, ...]
    ties: tuple[str, ...]
    tools: NodeTools
    service_up: bool
    silence: str = ""


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
        reader: what is to read them; None for the safest that works.
        shell_minutes: of a shell on them; 0 for none.
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
    reader: Reader | None = None
    shell_minutes: float = 0


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
