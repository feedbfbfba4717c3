"""Neutron's agents on a node."""

from __future__ import annotations

from stackmend.adapters.world import World
from stackmend.domain.health import Agent
from stackmend.domain.values import NodeName


def of_node(world: World, node: NodeName) -> tuple[Agent, ...]:
    """Return the agents that neutron knows on a node; with ML2/OVN that is its OVN Controller agent.

    Raises:
        Failed: neutron could not be asked.
    """
    found = world.openstack.get("network", "/agents", params={"host": node})["agents"]
    return tuple(Agent(a["agent_type"], bool(a["alive"]), bool(a["admin_state_up"])) for a in found)
