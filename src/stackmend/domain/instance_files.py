"""What lies in a node's directory of instances, who needs it, and what an audit says of each item."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stackmend.domain.instance import Domain, Instance, Migration
from stackmend.domain.values import InstanceId, NodeName

TRASH = ".stackmend-trash"
"""Where cleaned items wait for their end, inside the directory of instances, so that a rename brings them there.

Nova looks up entries of the directory by the UUIDs and names that it knows, so it never takes this one for an instance.
"""

SALVAGE = ".stackmend-salvage"
"""Where salvages keep copies that are not whole or not verified, by their runs; and the name of a file in an instance's
directory, with the run's id, from when that was put in place until nova has the instance there.
"""

BASE = "_base"
"""Nova's default of ``[image_cache] subdirectory_name``."""


class Kind(enum.StrEnum):
    """What an entry of the directory is, by its name."""

    INSTANCE = "instance"
    RESIZE = "resize"
    DELETING = "deleting"
    BASE = "base"
    NOVA = "nova"
    TRASH = "trash"
    SALVAGE = "salvage"
    OTHER = "other"


class Standing(enum.StrEnum):
    """What an audit says of an item."""

    IN_USE = "in-use"
    NEEDED_ELSEWHERE = "needed-elsewhere"
    ORPHANED = "orphaned"
    MISSING = "missing"
    AT_RISK = "at-risk"
    RECOVERABLE = "recoverable"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Entry:
    """An entry of the directory, or of ``_base`` or the trash in it, with all that is below it.

    Attributes:
        name: relative to the directory of instances, such as ``_base/0e41…``.
        type: as find(1) has it: ``d``, ``f``, ``l``, …
        inode: its own number.
        changed: newest time of change of a file's content in it.
        apparent: bytes that its files seem to have.
        allocated: bytes that they take.
    """

    name: str
    type: str
    inode: int
    changed: datetime
    apparent: int = 0
    allocated: int = 0


@dataclass(frozen=True)
class Disk:
    """A disk's file, with what qemu-img says of it.

    Attributes:
        path: relative to the directory of instances, such as ``UUID/disk``.
        chain: the files beneath it, nearest first, relative where they are in the directory of instances.
        format: as it was found: qcow2, raw, …; empty where it could not be read.
        expected: format that nova recorded in ``disk.info``; empty for none.
        error: why it or a file beneath it could not be opened.
    """

    path: str
    chain: tuple[str, ...] = ()
    format: str = ""
    expected: str = ""
    error: str = ""

    @property
    def fault(self) -> str:
        """What is wrong with it, in a sentence; empty for nothing."""
        if self.error:
            return f"{self.path} cannot be opened: {self.error}"
        if self.expected and self.expected != self.format:
            return f"{self.path} has no header of {self.expected}, which nova recorded for it"
        return ""


@dataclass(frozen=True)
class Listing:
    """A node's directory of instances, read in one pass.

    Attributes:
        path: the directory.
        entries: its entries, and those of ``_base`` and of the runs in the trash.
        disks: the instances' disks.
        files: names of all that is in it, at any depth.
        registered: when each node last wrote its name into nova's ``compute_nodes`` there; None without such a file.
        until: the end date of each run in the trash; None for one that is not readable.
        complaints: what could not be read, as find(1) and qemu-img(1) say.
    """

    path: str
    entries: tuple[Entry, ...] = ()
    disks: tuple[Disk, ...] = ()
    files: frozenset[str] = frozenset()
    registered: Mapping[NodeName, datetime] | None = None
    until: Mapping[str, datetime | None] = field(default_factory=dict)
    complaints: tuple[str, ...] = ()

    def entry(self, name: str) -> Entry | None:
        """Return the entry of a name."""
        return next((e for e in self.entries if e.name == name), None)


@dataclass(frozen=True)
class Neighbour:
    """Another compute node.

    Attributes:
        node: its name.
        shares: whether it sees the very same directory; None where that is not known.
        names: instances and other entries that its own directory has.
        domains: libvirt's domains there; asked only where it shares.
        silent: why it, or its libvirt, could not be asked.
    """

    node: NodeName
    shares: bool | None = False
    names: frozenset[str] = frozenset()
    domains: Mapping[InstanceId, Domain] = field(default_factory=dict)
    silent: str = ""


@dataclass(frozen=True)
class NovaWord:
    """What nova says of instances.

    Attributes:
        instances: those that are not deleted, by id.
        deleted: those of the ids in question that were deleted, and are still on record.
        migrations: the latest migration of each instance that is looked for on one node and recorded on another.
        way: ``nova-api`` or ``database``; empty where neither answered.
        silent: why nova-api did not answer. What the database has not is then not taken for gone.
    """

    instances: Mapping[InstanceId, Instance] = field(default_factory=dict)
    deleted: Mapping[InstanceId, Instance] = field(default_factory=dict)
    migrations: Mapping[InstanceId, Migration] = field(default_factory=dict)
    way: str = "nova-api"
    silent: str = ""


@dataclass(frozen=True)
class Cache:
    """How nova's image cache manager treats ``_base`` files that it finds unused.

    Attributes:
        expires: whether it removes them.
        age: how old they must be.
    """

    expires: bool = True
    age: timedelta = timedelta(days=1)


@dataclass(frozen=True)
class FilesFacts:
    """All that an audit of a node's directory of instances rests on.

    Attributes:
        node: the node.
        at: when the directory was read; everybody else was asked after that.
        listing: what is there.
        domains: libvirt's domains on the node.
        libvirt_silent: why its libvirt could not be asked.
        neighbours: every other compute node.
        nova: what nova says.
        cache: the node's image cache.
    """

    node: NodeName
    at: datetime
    listing: Listing
    domains: Mapping[InstanceId, Domain]
    neighbours: tuple[Neighbour, ...] = ()
    nova: NovaWord = field(default_factory=NovaWord)
    cache: Cache = field(default_factory=Cache)
    libvirt_silent: str = ""


@dataclass(frozen=True)
class Item:
    """One entry, or one that should be there, judged.

    Attributes:
        name: relative to the directory of instances.
        kind: what it is.
        standing: the judgement.
        sentence: why so.
        hint: what to do about it; empty for nothing.
        users: instances' directories whose disks rest on it.
        entry: what is there; None where it is missing.
    """

    name: str
    kind: Kind
    standing: Standing
    sentence: str
    hint: str = ""
    users: tuple[str, ...] = ()
    entry: Entry | None = None


@dataclass(frozen=True)
class Audit:
    """A node's directory of instances, judged.

    Attributes:
        node: the node.
        path: the directory.
        at: when it was read.
        shared_with: other nodes that see the same directory.
        items: everything in it, and what is missing from it.
        unseen: what could not be asked or read, in sentences.
    """

    node: NodeName
    path: str
    at: datetime
    shared_with: tuple[NodeName, ...]
    items: tuple[Item, ...]
    unseen: tuple[str, ...] = ()
