"""Nodes: the machines of a cloud, their roles, and how to reach them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from stackmend.domain.power import PowerController
from stackmend.domain.values import NodeName


class Role(enum.StrEnum):
    """What a node does; a node may have several."""

    CONTROLLER = "controller"
    COMPUTE = "compute"
    DATABASE = "database"
    MESSAGING = "messaging"
    NETWORK = "network"
    STORAGE = "storage"
    PROXY = "proxy"


@dataclass(frozen=True)
class SshAccess:
    """How to reach a node over SSH.

    Attributes:
        address: host name or address.
        user: login name; where it is not root, ``sudo`` is used for what needs it.
        port: TCP port.
        key: path of the private key; empty for the agent or the defaults of SSH.
        known_hosts: path of the file that the host's key is checked against; empty for the user's own.
        jump: ``user@host:port`` of the jump host; empty for none.
        sudo: whether commands are run by ``sudo -n``.
    """

    address: str
    user: str = "root"
    port: int = 22
    key: str = ""
    known_hosts: str = ""
    jump: str = ""
    sudo: bool = False


@dataclass(frozen=True)
class Hook:
    """Commands that keep a configuration management agent from undoing maintenance.

    Attributes:
        name: of the agent: ``puppet``, ``chef``, ``salt``, ``ansible-pull`` or the operator's own.
        disable: shell line run on the node before a unit is held.
        enable: shell line run when the hold ends.
    """

    name: str
    disable: str
    enable: str


@dataclass(frozen=True)
class Node:
    """One machine.

    Attributes:
        name: as nova and neutron call the host.
        roles: what it does.
        ssh: how to reach it.
        hooks: configuration management agents that run there.
        power: what gives it power and takes it; None where the inventory names nothing.
    """

    name: NodeName
    roles: frozenset[Role]
    ssh: SshAccess
    hooks: tuple[Hook, ...] = ()
    power: PowerController | None = None


@dataclass(frozen=True)
class NetworkAgent:
    """Neutron's record of an agent; with ML2/OVN each chassis has one.

    Attributes:
        kind: neutron's ``agent_type``, such as ``OVN Controller agent``.
        binary: such as ``ovn-controller``.
        host: node.
        alive: whether neutron takes its heartbeat for alive.
        admin_up: its ``admin_state_up``.
        heartbeat: when it last reported; None where neutron does not say.
    """

    kind: str
    binary: str
    host: NodeName
    alive: bool
    admin_up: bool
    heartbeat: datetime | None = None


@dataclass(frozen=True)
class Canary:
    """What the canary instance is made of: names or ids of a flavor, an image and a network."""

    flavor: str
    image: str
    network: str


@dataclass(frozen=True)
class Inventory:
    """A cloud's name in ``clouds.yaml`` and its nodes by name."""

    cloud: str
    nodes: Mapping[NodeName, Node]
    canary: Canary | None = None
    source: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    def with_role(self, role: Role) -> tuple[Node, ...]:
        """Return the nodes that have a role, sorted by name."""
        return tuple(sorted((n for n in self.nodes.values() if role in n.roles), key=lambda n: n.name))
