"""Nova's records of its services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackmend.adapters.world import World
from stackmend.domain.instance import ComputeService, NovaService
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Refused
from stackmend.facts.times import utc

MICROVERSION = "2.69"
"""Ids are UUIDs since 2.53; since 2.69 a cell that is down costs its own services only."""

COMPUTE = "nova-compute"


def compute_services(world: World) -> tuple[ComputeService, ...]:
    """Return every nova-compute, sorted by node.

    Raises:
        Failed: nova could not be asked.
    """
    return tuple(compute_of_json(service) for service in _list(world, {"binary": COMPUTE}))


def compute_service(world: World, node: NodeName) -> ComputeService:
    """Return a node's nova-compute.

    Raises:
        Refused: NODE_WRONG_ROLE where nova has none there.
        Failed: nova could not be asked.
    """
    found = _list(world, {"binary": COMPUTE, "host": node})
    if not found:
        raise Refused(Code.NODE_WRONG_ROLE, f"nova has no nova-compute on {node}", hint="see stackmend status")
    return compute_of_json(found[0])


def all_services(world: World) -> tuple[NovaService, ...]:
    """Return every service of nova that keeps a heartbeat: nova-compute, nova-scheduler and so on.

    Raises:
        Failed: nova could not be asked.
    """
    return tuple(of_json(service) for service in _list(world, {}))


def compute_of_json(service: Mapping[str, Any]) -> ComputeService:
    """Return a nova-compute from nova's JSON; one in a cell that is down lacks most of it."""
    return ComputeService(
        id=str(service.get("id") or ""),
        host=NodeName(service["host"]),
        enabled=service.get("status") == "enabled",
        reason=service.get("disabled_reason") or "",
        up=service.get("state") == "up",
        forced_down=bool(service.get("forced_down")),
        heartbeat=utc(service.get("updated_at")),
    )


def of_json(service: Mapping[str, Any]) -> NovaService:
    """Return any service from nova's JSON."""
    return NovaService(binary=service["binary"], record=compute_of_json(service))


def _list(world: World, filters: Mapping[str, str]) -> list[dict[str, Any]]:
    found = world.openstack.get_list("compute", "/os-services", "services", version=MICROVERSION, params=filters)
    return sorted(found, key=lambda s: (s["binary"], s["host"]))
