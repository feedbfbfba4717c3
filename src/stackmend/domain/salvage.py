"""Copying instances' directories from a node that is offline for nova, and bringing the instances up elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from stackmend.domain.instance_files import BASE
from stackmend.domain.recovery import RecoveryFacts, RecoveryOptions, Statement, Stranded
from stackmend.domain.values import InstanceId, JsonObject, NodeName


@dataclass(frozen=True)
class Copied:
    """A file or directory that is to be copied, as its node shows it.

    Attributes:
        path: relative to the directory of instances.
        kind: ``file``, ``directory`` or ``other``.
        size: bytes that a file seems to have.
        data: bytes of it that are no hole.
        seal: what a write to it changes.
        owner: what else ``salvage_files.py`` needs to give it its owner, mode and time.
        chain: the files that it rests on, nearest first, as its own header names them.
    """

    path: str
    kind: str
    size: int
    data: int
    seal: str
    owner: Mapping[str, Any] = field(default_factory=dict)
    chain: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Copied:
        """Return what a line of ``salvage_files.py tree`` says."""
        own = {"path", "kind", "size", "data", "seal", "chain"}
        owner = {key: value for key, value in data.items() if key not in own}
        chain = tuple(data.get("chain", ()))
        return cls(data["path"], data["kind"], data["size"], data["data"], data["seal"], owner, chain)

    def to_json(self) -> JsonObject:
        """Return the same line."""
        own = {"path": self.path, "kind": self.kind, "size": self.size, "data": self.data, "seal": self.seal}
        return {**self.owner, **own, "chain": list(self.chain)}


@dataclass(frozen=True)
class Place:
    """A directory of instances, by the node whose SSH reaches it.

    Attributes:
        node: where its files are read or written.
        path: where it is there.
    """

    node: NodeName
    path: str

    def __str__(self) -> str:
        return f"{self.node}:{self.path}"

    def to_json(self) -> JsonObject:
        """Return it as JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Place:
        """Return what ``to_json`` gave."""
        return cls(NodeName(data["node"]), data["path"])


@dataclass(frozen=True)
class SalvageFacts:
    """The world before a salvage.

    Attributes:
        recovery: nova, the other nodes and placement, as for a recovery of the node.
        source: where the node's directory of instances is read.
        target: the directory of instances that receives.
        units: units of nova-compute and libvirt that the source's machine has; none where it is no compute node now.
        running: instances whose QEMU process is alive there, by what was found.
        entries: what lies in the instances' directories at the source, and what their disks rest on in ``_base``.
        taken: names in the target's directory of instances.
        bases: names in its ``_base``.
        free: bytes that its file system has left.
        shared: whether both are one directory.
    """

    recovery: RecoveryFacts
    source: Place
    target: Place
    units: tuple[str, ...] = ()
    running: Mapping[InstanceId, str] = field(default_factory=dict)
    entries: tuple[Copied, ...] = ()
    taken: frozenset[str] = frozenset()
    bases: frozenset[str] = frozenset()
    free: int = 0
    shared: bool = False

    @property
    def node(self) -> NodeName:
        """The node that is salvaged."""
        return self.recovery.node

    @property
    def in_place(self) -> bool:
        """Whether its files are read on the node itself, so that it has power."""
        return self.source.node == self.node

    def of_instance(self, instance: InstanceId) -> tuple[Copied, ...]:
        """Return an instance's directory and all in it."""
        return tuple(e for e in self.entries if e.path == instance or e.path.startswith(f"{instance}/"))

    def base(self, name: str) -> Copied | None:
        """Return a file of ``_base`` by its name."""
        return next((e for e in self.entries if e.path == f"{BASE}/{name}"), None)


@dataclass(frozen=True)
class SalvageOptions:
    """What the operator chose.

    Attributes:
        only: ids of the instances that are meant; empty for all.
        statement: the operator's own, that the node cannot run its instances; None where there is none.
        rate: bytes a second that are copied at most; 0 for no limit.
        keep_days: how long the source's directories are kept aside.
    """

    only: frozenset[InstanceId] = frozenset()
    statement: Statement | None = None
    rate: int = 0
    keep_days: float = 14.0

    @property
    def as_recovery(self) -> RecoveryOptions:
        """The same choices as a recovery has them."""
        return RecoveryOptions(statement=self.statement)


@dataclass(frozen=True)
class Salvaged:
    """What happens to one instance.

    Attributes:
        stranded: the instance.
        sentence: what becomes of it, and why.
        files: what is copied; none where it needs no copy.
        bases: names of the files of ``_base`` that its disks rest on.
        moves: whether it is brought up on the target.
    """

    stranded: Stranded
    sentence: str
    files: tuple[Copied, ...] = ()
    bases: tuple[str, ...] = ()
    moves: bool = False

    @property
    def data(self) -> int:
        """Bytes that its copy takes."""
        return sum(f.data for f in self.files)
