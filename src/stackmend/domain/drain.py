"""What is known before a drain, and what is decided for each instance."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from stackmend.domain.instance import ComputeService, Instance, NodeInstances, Resources, ServerGroup
from stackmend.domain.values import InstanceId, NodeName


class Mode(enum.StrEnum):
    """How an instance is moved, or why not."""

    LIVE = "live"
    BLOCK_LIVE = "block-live"
    COLD = "cold"
    STAY = "stay"
    BLOCKED = "blocked"

    @property
    def moves(self) -> bool:
        """Whether the instance leaves the node."""
        return self in {Mode.LIVE, Mode.BLOCK_LIVE, Mode.COLD}


@dataclass(frozen=True)
class Target:
    """A compute node that instances may go to.

    Attributes:
        node: its name.
        room: what placement has left there.
        shared: instances whose files it sees at the same place as the drained node (shared storage).
        cpu_refuses: instances whose CPU its own cannot run, with libvirt's word on why.
        concurrency: its own ``max_concurrent_live_migrations``, which limits the way back; 0 means no limit.
    """

    node: NodeName
    room: Resources
    shared: frozenset[InstanceId] = frozenset()
    cpu_refuses: Mapping[InstanceId, str] = field(default_factory=dict)
    concurrency: int = 1


@dataclass(frozen=True)
class DrainFacts:
    """The world before a drain.

    Attributes:
        service: nova's record of the node's nova-compute.
        on_node: the instances there, by nova and by libvirt.
        targets: other compute nodes that are up and enabled.
        unusable: other compute nodes, each with why nothing can go there.
        groups: server groups that any of the instances is in.
        places: where every member of those groups is.
        concurrency: the node's ``max_concurrent_live_migrations``; 0 means no limit.
    """

    service: ComputeService
    on_node: NodeInstances
    targets: tuple[Target, ...]
    unusable: Mapping[NodeName, str] = field(default_factory=dict)
    groups: tuple[ServerGroup, ...] = ()
    places: Mapping[InstanceId, NodeName] = field(default_factory=dict)
    concurrency: int = 1


@dataclass(frozen=True)
class DrainOptions:
    """What the operator chose.

    Attributes:
        stopped: ``move`` or ``stay``: what to do with stopped instances.
        leave: ids of instances, or of domains that nova does not know, to leave where they are, whatever comes.
        target: the only node to move to; None for any.
    """

    stopped: str = "move"
    leave: frozenset[InstanceId] = frozenset()
    target: NodeName | None = None


@dataclass(frozen=True)
class Treatment:
    """What happens to one instance.

    Attributes:
        instance: nova's record of it.
        mode: how it is moved, or that it is not.
        target: where to; None where it is not moved.
        sentence: why so.
    """

    instance: Instance
    mode: Mode
    target: NodeName | None
    sentence: str
