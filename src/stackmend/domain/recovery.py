"""What is known of a dead compute node's instances, and what moving them without it would lose."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from stackmend.domain.death import Condition
from stackmend.domain.drain import Target
from stackmend.domain.instance import ComputeService, Instance, ServerGroup
from stackmend.domain.values import InstanceId, NodeName


class Fate(enum.StrEnum):
    """What becomes of a part of an instance that is evacuated."""

    KEPT = "kept"
    MADE_ANEW = "made anew"
    LOST = "lost"
    UNKNOWN = "unknown"

    @property
    def is_loss(self) -> bool:
        """Whether a person must accept it: what is not known to be kept counts as lost."""
        return self in {Fate.LOST, Fate.UNKNOWN}


@dataclass(frozen=True)
class Stranded:
    """An instance of a dead node.

    Attributes:
        instance: nova's record of it.
        image: id of the image that its root disk is made of; empty where that is a volume.
        ephemeral_gb: GiB of its ephemeral disks.
        swap_mb: MiB of its swap disk.
        config_drive: whether it has a config drive, which nova makes anew.
        priority: the higher, the sooner it is moved; 0 where nobody said.
        settled: since when nobody has created it or tried to move it, so that only itself writes to its files; None
            where that is not known.
    """

    instance: Instance
    image: str = ""
    ephemeral_gb: int = 0
    swap_mb: int = 0
    config_drive: bool = False
    priority: int = 0
    settled: datetime | None = None


@dataclass(frozen=True)
class Sight:
    """What a living node sees, in its own directory of instances, of a dead node's.

    Attributes:
        node: who looked.
        registered: when the dead node last wrote its name into nova's file ``compute_nodes`` there; None for never.
        changed: the newest change in the directory of each instance that has one with a disk in it.
        in_ceph: the instances whose disks are images in the pool where the viewer's nova keeps its own.
    """

    node: NodeName
    registered: datetime | None = None
    changed: Mapping[InstanceId, datetime] = field(default_factory=dict)
    in_ceph: frozenset[InstanceId] = frozenset()


@dataclass(frozen=True)
class Part:
    """A part of an instance, and what becomes of it.

    Attributes:
        name: ``root disk``, ``ephemeral disk``, ``swap disk`` or ``config drive``.
        fate: what becomes of it.
        sentence: why, without the name.
    """

    name: str
    fate: Fate
    sentence: str


@dataclass(frozen=True)
class RecoveryFacts:
    """The world before a node is recovered.

    Attributes:
        service: nova's record of the node's nova-compute.
        condition: what the node is, by every witness that could be asked.
        why: the sentence behind it.
        controlled: whether the inventory names a power controller for it.
        controller_error: why the controller could not be asked; empty where it answered, or there is none.
        stranded: the node's instances.
        targets: compute nodes that are up and enabled; ``shared`` are the instances whose files they are shown to see.
        doubtful: for an instance, the targets that have a directory of it which is not shown to be the dead node's own.
        unusable: other compute nodes, each with why nothing can go there.
        groups: server groups that any of the instances is in.
        places: where every member of those groups is.
        tied: for an instance, why it can't go by a change of nova's row; only looked at where that is asked for.
        down: the compute nodes whose nova-compute is down though nobody has disabled it, the node itself included.
        computes: how many compute nodes there are.
        own_volumes: Cinder's ``HOST@BACKEND#POOL`` of each volume that the node itself serves, by the volume's id.
    """

    service: ComputeService
    condition: Condition
    why: str
    controlled: bool
    controller_error: str = ""
    stranded: tuple[Stranded, ...] = ()
    targets: tuple[Target, ...] = ()
    doubtful: Mapping[InstanceId, frozenset[NodeName]] = field(default_factory=dict)
    unusable: Mapping[NodeName, str] = field(default_factory=dict)
    groups: tuple[ServerGroup, ...] = ()
    places: Mapping[InstanceId, NodeName] = field(default_factory=dict)
    tied: Mapping[InstanceId, str] = field(default_factory=dict)
    down: tuple[NodeName, ...] = ()
    computes: int = 1
    own_volumes: Mapping[str, str] = field(default_factory=dict)

    @property
    def node(self) -> NodeName:
        """The node's name."""
        return self.service.host


@dataclass(frozen=True)
class Statement:
    """An operator's word that a node is fenced, given where no controller can tell.

    Attributes:
        by: login name and machine of who states it.
        reason: how it was done, or a ticket.
    """

    by: str
    reason: str


@dataclass(frozen=True)
class RecoveryOptions:
    """What the operator chose.

    Attributes:
        accept_loss: ids of instances that are moved though data would be lost.
        target: the only node to move to; None for any.
        statement: the operator's own, that the node is fenced; None where there is none.
        even_in_a_wave: whether it is recovered though many nodes are down at once.
        limit: how many evacuations go on at once.
        by_database: whether nova's rows are changed, and nova is not asked to evacuate; to ``target`` then.
    """

    accept_loss: frozenset[InstanceId] = frozenset()
    target: NodeName | None = None
    statement: Statement | None = None
    even_in_a_wave: bool = False
    limit: int = 4
    by_database: bool = False


@dataclass(frozen=True)
class Rescue:
    """What happens to one instance of a dead node.

    Attributes:
        stranded: the instance.
        target: where it is evacuated to; None where it waits.
        sentence: why so, and what would be lost.
        parts: its parts, each with its fate.
    """

    stranded: Stranded
    target: NodeName | None
    sentence: str
    parts: tuple[Part, ...] = ()
