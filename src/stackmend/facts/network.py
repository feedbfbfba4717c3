"""Neutron's records: where ports are bound, and its agents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackmend.adapters.world import World
from stackmend.domain.instance import IdleBinding, PortBinding
from stackmend.domain.node import NetworkAgent
from stackmend.domain.values import InstanceId, NodeName
from stackmend.facts.concurrently import each
from stackmend.facts.times import utc


def bindings(world: World, instance: InstanceId) -> tuple[PortBinding, ...]:
    """Return where each port of an instance is bound, by its active binding.

    Raises:
        Failed: neutron could not be asked.
    """
    ports = world.openstack.get_list("network", "/ports", "ports", params={"device_id": instance})
    return tuple(_binding(port) for port in ports)


def _binding(port: Mapping[str, Any]) -> PortBinding:
    return PortBinding(
        port=port["id"],
        host=NodeName(port.get("binding:host_id") or ""),
        status=port.get("status") or "",
        kind=port.get("binding:vif_type") or "",
    )


def idle_bindings(world: World, instance: InstanceId, node: NodeName) -> tuple[str, ...]:
    """Return the ports of an instance that have an inactive binding on a node: what a live migration there begins with.

    One that is left while no migration is under way is in the way of the next: neutron allows one a host.

    Raises:
        Failed: neutron could not be asked.
    """
    found = []
    for port in bindings(world, instance):
        every = world.openstack.get("network", f"/ports/{port.port}/bindings")["bindings"]
        if any(b["host"] == node and b["status"] == "INACTIVE" for b in every):
            found.append(port.port)
    return tuple(found)


def ports_on(world: World, node: NodeName) -> dict[str, tuple[InstanceId, PortBinding]]:
    """Return the ports of instances with any binding on a node, by id: whose each is, and its active binding.

    Raises:
        Failed: neutron could not be asked.
    """
    # the filter finds a port by any of its bindings; what the port itself shows is the active one
    ports = world.openstack.get_list("network", "/ports", "ports", params={"binding:host_id": node})
    return {
        port["id"]: (InstanceId(port.get("device_id") or ""), _binding(port))
        for port in ports
        if (port.get("device_owner") or "").startswith("compute:")
    }


def idle_on(world: World, node: NodeName) -> tuple[IdleBinding, ...]:
    """Return the inactive bindings on a node of ports that are bound elsewhere, of all instances.

    Raises:
        Failed: neutron could not be asked.
    """
    away = {port: whose for port, (whose, active) in ports_on(world, node).items() if active.host != node}
    every = each(lambda port: world.openstack.get("network", f"/ports/{port}/bindings")["bindings"], away)
    return tuple(
        IdleBinding(port, away[port], node, one.get("vnic_type") or "normal", one.get("profile") or {})
        for port, found in every.items()
        for one in found
        if one["host"] == node and one["status"] == "INACTIVE"
    )


def agents(world: World) -> tuple[NetworkAgent, ...]:
    """Return neutron's agents, sorted by node; with ML2/OVN these are its chassis.

    Raises:
        Failed: neutron could not be asked.
    """
    found = world.openstack.get_list("network", "/agents", "agents")
    agents = (
        NetworkAgent(
            kind=a["agent_type"],
            binary=a.get("binary") or "",
            host=NodeName(a["host"]),
            alive=bool(a["alive"]),
            admin_up=bool(a["admin_state_up"]),
            heartbeat=utc(a.get("heartbeat_timestamp")),
        )
        for a in found
    )
    return tuple(sorted(agents, key=lambda a: (a.host, a.kind)))
