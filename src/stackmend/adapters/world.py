"""The handle on the outside that facts and actions are given: one object, made once, closed at the end."""

from __future__ import annotations

from dataclasses import dataclass

from stackmend.adapters.clock import Clock
from stackmend.adapters.database import Databases
from stackmend.adapters.openstack import OpenStack
from stackmend.adapters.power import PowerControl
from stackmend.adapters.ssh import Ssh
from stackmend.domain.node import Inventory


@dataclass(frozen=True)
class World:
    """A cloud as stackmend reaches it.

    Attributes:
        inventory: its nodes.
        openstack: its APIs.
        ssh: its nodes' shells.
        databases: read-only sessions on its databases, for when the APIs are down.
        power: its nodes' power controllers.
        clock: now, and waiting.
    """

    inventory: Inventory
    openstack: OpenStack
    ssh: Ssh
    databases: Databases
    power: PowerControl
    clock: Clock

    def close(self) -> None:
        """Close what is open; may be called twice."""
        self.ssh.close()
        self.databases.close()
        self.openstack.close()
