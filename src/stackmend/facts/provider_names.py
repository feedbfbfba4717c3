"""Names of providers and hypervisors, which need not be nova's names of the hosts."""

from __future__ import annotations

from stackmend.adapters.world import World
from stackmend.domain.values import NodeName

VERSION = "2.53"
"""Hypervisors can be searched by pattern, and tell their service, since this microversion."""


def node_of(world: World, hypervisor: str) -> NodeName:
    """Return the node that a hypervisor host name means.

    The inventory decides where it has that very name, or has the name without its domain and nobody else; nova is asked
    otherwise.

    Raises:
        Failed: nova could not be asked.
    """
    short = hypervisor.partition(".")[0]
    for name in (hypervisor, short):
        if name in world.inventory.nodes:
            return NodeName(name)
    params = {"hypervisor_hostname_pattern": hypervisor}
    found = world.openstack.get("compute", "/os-hypervisors/detail", version=VERSION, params=params)["hypervisors"]
    return next(
        (NodeName(h["service"]["host"]) for h in found if h["hypervisor_hostname"] == hypervisor), NodeName(short)
    )
