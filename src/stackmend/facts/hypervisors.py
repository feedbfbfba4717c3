"""A node's hypervisor, as nova's and placement's records name it."""

from __future__ import annotations

from stackmend.adapters.world import World
from stackmend.domain.values import NodeName

VERSION = "2.87"
"""Ids are UUIDs from 2.53 on, and the same as the resource provider's."""

DISABLED_TRAIT = "COMPUTE_STATUS_DISABLED"
"""Placement's trait that keeps every request of nova's scheduler away, forced hosts included
(nova/scheduler/request_filter.py, compute_status_filter)."""

TRAITS_VERSION = "1.6"
"""First of placement's microversions with the traits of a provider."""


def uuid(world: World, node: NodeName) -> str | None:
    """Return the UUID of a node's hypervisor and resource provider; None where nova has none.

    Raises:
        Failed: nova-api could not be asked.
    """
    found = world.openstack.get("compute", "/os-hypervisors/detail", version=VERSION)["hypervisors"]
    return next((str(h["id"]) for h in found if h["service"]["host"] == node), None)


def addresses(world: World) -> dict[NodeName, str]:
    """Return the address that each nova-compute gave nova as its host's own (``my_ip``).

    Raises:
        Failed: nova-api could not be asked.
    """
    found = world.openstack.get("compute", "/os-hypervisors/detail", version=VERSION)["hypervisors"]
    return {NodeName(h["service"]["host"]): str(h["host_ip"]) for h in found if h.get("host_ip")}


def traits(world: World, provider: str) -> tuple[frozenset[str], int]:
    """Return a resource provider's traits, and the generation that a change of them must name.

    Raises:
        Failed: placement could not be asked.
    """
    found = world.openstack.get("placement", f"/resource_providers/{provider}/traits", version=TRAITS_VERSION)
    return frozenset(found["traits"]), int(found["resource_provider_generation"])


def has_disabled_trait(world: World, node: NodeName) -> bool:
    """Return whether placement keeps the scheduler away from a node.

    Raises:
        Failed: nova-api or placement could not be asked.
    """
    provider = uuid(world, node)
    return provider is not None and DISABLED_TRAIT in traits(world, provider)[0]
