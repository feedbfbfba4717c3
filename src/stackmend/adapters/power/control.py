"""The power of nodes, by whatever controller each of them has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from stackmend.adapters.power.ipmi import Ipmi
from stackmend.adapters.power.password import password
from stackmend.adapters.power.redfish import Redfish
from stackmend.domain.node import Node
from stackmend.domain.power import Power, PowerController
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Refused


class Driver(Protocol):
    """One way to speak to a controller; every method raises as those of ``PowerControl`` do."""

    def state(self) -> Power:
        """Return what the controller says."""

    def off(self) -> None:
        """Order the power off at once."""

    def on(self) -> None:
        """Order the power on."""


class PowerControl:
    """The power controllers of a cloud's nodes.

    Every call connects anew, and every method may be called from any thread.

    Args:
        nodes: who has one, and where.
        seconds: how long a controller may take over one request; Redfish takes four to look, and two more to order.
    """

    def __init__(self, nodes: Mapping[NodeName, Node], *, seconds: float = 10.0) -> None:
        self._nodes = nodes
        self._seconds = seconds

    def state(self, node: NodeName) -> Power:
        """Return what a node's controller says of its power: one witness, and it may be wrong.

        Raises:
            Refused: NODE_UNKNOWN, POWER_NONE, POWER_PASSWORD, POWER_CLIENT.
            Failed: POWER_UNREACHABLE, POWER_REFUSED.
        """
        return self._driver(node).state()

    def off(self, node: NodeName) -> None:
        """Order a node's power off at once, as pulling its plug; returns when the order was accepted.

        A controller that refuses the order and says that the power is off already has done as it was told.

        Raises:
            Refused: NODE_UNKNOWN, POWER_NONE, POWER_PASSWORD, POWER_CLIENT.
            Failed: POWER_UNREACHABLE, after which it is not known whether the order arrived; POWER_REFUSED.
        """
        self._driver(node).off()

    def on(self, node: NodeName) -> None:
        """Order a node's power on; returns when the order was accepted.

        Raises:
            Refused: NODE_UNKNOWN, POWER_NONE, POWER_PASSWORD, POWER_CLIENT.
            Failed: POWER_UNREACHABLE, after which it is not known whether the order arrived; POWER_REFUSED.
        """
        self._driver(node).on()

    def describe(self, node: NodeName) -> str:
        """Return how a node's controller is reached, for people: driver, address, login name.

        Raises:
            Refused: NODE_UNKNOWN, POWER_NONE.
        """
        controller = self._controller(node)
        system = f", system {controller.system}" if controller.system else ""
        return f"{controller.driver} at {controller.address} as {controller.user or 'nobody'}{system}"

    def _controller(self, node: NodeName) -> PowerController:
        if node not in self._nodes:
            raise Refused(Code.NODE_UNKNOWN, f"the inventory has no node {node}")
        controller = self._nodes[node].power
        if controller is None:
            sentence = f"the inventory names no power controller for {node}"
            raise Refused(Code.POWER_NONE, sentence, hint=f"give {node} its field 'power' in the inventory")
        return controller

    def _driver(self, node: NodeName) -> Driver:
        controller = self._controller(node)
        driver = Redfish if controller.driver == "redfish" else Ipmi
        return driver(node, controller, password(node, controller), self._seconds)
