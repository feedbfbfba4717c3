"""A cloud at a glance: what was seen of it, and what that comes to."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from stackmend.domain.health import Held
from stackmend.domain.instance import Instance, NovaService
from stackmend.domain.node import NetworkAgent, Node, Role
from stackmend.domain.values import NodeName


@dataclass(frozen=True)
class Process:
    """A unit on a node, by systemd.

    Attributes:
        unit: its name without ``.service``.
        active: ``ActiveState``: active, inactive, failed, activating, …
        file: ``UnitFileState``: enabled, disabled, masked, …
        letter: state of its main process as in ``ps``: S, R, D, T (stopped); empty for none.
        result: how its last run ended: success, exit-code, signal, oom-kill, …
        ended: when it last became inactive; None where it never was since the boot.
        started: when it last became active; None where it never was since the boot.
    """

    unit: str
    active: str
    file: str
    letter: str = ""
    result: str = ""
    ended: datetime | None = None
    started: datetime | None = None

    @property
    def stopped_by_signal(self) -> bool:
        """Whether the process is there but does not run (SIGSTOP, or a tracer)."""
        return self.letter in {"T", "t"}


@dataclass(frozen=True)
class Reading:
    """A rescue of an instance that has left its files on a node.

    Attributes:
        instance: the instance's id.
        run: whose rescue it is.
        given_back: whether the limit has passed, and the node has begun to give the instance back, or has done so.
    """

    instance: str
    run: str
    given_back: bool


@dataclass(frozen=True)
class Glance:
    """What one script saw on a node.

    Attributes:
        processes: units of OpenStack and of what it stands on.
        held: units that stackmend holds there.
        domains: number of libvirt's domains in each state; None where libvirt gave no answer or is not there.
        system: ``systemctl is-system-running``: running, degraded, starting, stopping, …
        readings: rescues of instances there.
    """

    processes: tuple[Process, ...]
    held: tuple[Held, ...] = ()
    domains: Mapping[str, int] | None = None
    system: str = ""
    readings: tuple[Reading, ...] = ()


@dataclass(frozen=True)
class CloudFacts:
    """What was seen of a cloud, by whatever way it could be seen.

    Attributes:
        nodes: of the inventory.
        services: nova's; None where neither its API nor its database answered.
        agents: neutron's; None where it did not answer.
        instances: nova's; None as with the services.
        glances: what was seen on each node, or why nothing could be.
        ways: by which way services, agents and instances were seen: ``nova-api``, ``database``, ``neutron-api``.
        unseen: why something could not be seen, or had to be seen by another way; one sentence each.
    """

    nodes: tuple[Node, ...]
    services: tuple[NovaService, ...] | None
    agents: tuple[NetworkAgent, ...] | None
    instances: tuple[Instance, ...] | None
    glances: Mapping[NodeName, Glance | str]
    ways: Mapping[str, str] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()


class ServiceState(enum.StrEnum):
    """How a service is."""

    UP = "up"
    DOWN = "down"
    FROZEN = "frozen"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ServiceRow:
    """A service on a node.

    Attributes:
        name: its binary or unit.
        state: up, down, or frozen: its process is there, but does nothing.
        sentence: why the state is not ``up``; empty where it is.
        enabled: whether nova's scheduler, or neutron's, may use it; True where that means nothing.
        reason: why it is disabled.
        heartbeat: when it last reported; None where it has none.
    """

    name: str
    state: ServiceState
    sentence: str = ""
    enabled: bool = True
    reason: str = ""
    heartbeat: datetime | None = None


@dataclass(frozen=True)
class NodeRow:
    """A node with all that is on it.

    Attributes:
        node: its name.
        roles: by the inventory; none where only the services know the node.
        silent: why the node itself could not be asked; empty where it could.
        services: on it.
        instances: number of instances in each of nova's states; of libvirt's, where nova did not answer.
        held: units that stackmend holds there.
        rescues: a sentence on each rescue of an instance there.
    """

    node: NodeName
    roles: tuple[Role, ...]
    silent: str
    services: tuple[ServiceRow, ...]
    instances: Mapping[str, int]
    held: tuple[Held, ...] = ()
    rescues: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunGlance:
    """An open run: its id, state, subject, and the last word on it."""

    id: str
    state: str
    subject: str
    sentence: str


@dataclass(frozen=True)
class Overview:
    """A cloud at a glance.

    Attributes:
        cloud: its name.
        at: when it was seen.
        nodes: sorted by name.
        ways: by which way services, agents and instances were seen.
        unseen: what could not be seen, and why; one sentence each.
        runs: that are open.
        lost: instances that nova records on no node, in each state.
    """

    cloud: str
    at: datetime
    nodes: tuple[NodeRow, ...]
    ways: Mapping[str, str]
    unseen: tuple[str, ...]
    runs: tuple[RunGlance, ...] = ()
    lost: Mapping[str, int] = field(default_factory=dict)
