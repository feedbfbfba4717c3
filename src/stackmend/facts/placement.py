"""Placement's records: what room each compute node has, and where an instance's allocation is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackmend.adapters.world import World
from stackmend.domain.instance import Provider, Resources
from stackmend.domain.values import InstanceId, NodeName
from stackmend.facts.concurrently import each
from stackmend.facts.provider_names import node_of

MICROVERSION = "1.20"
"""Of Queens: providers tell their root (1.14), and traits are read (1.6)."""

ALLOCATIONS_VERSION = "1.28"
"""Of Rocky; since then an allocation tells its consumer's generation, without which it can't be written back."""

UNLIMITED = 2**31 - 1
"""Room of a class that a node has no inventory of, such as DISK_GB that a shared provider has: no limit of its own."""

_CPU = ("VCPU", "PCPU")


def providers(world: World) -> tuple[Provider, ...]:
    """Return the providers that stand for compute nodes (roots with memory), with what room they have, sorted by name.

    Raises:
        Failed: placement could not be asked.
    """
    listed = world.openstack.get("placement", "/resource_providers", version=MICROVERSION)["resource_providers"]
    roots = {p["uuid"]: p["name"] for p in listed if p.get("parent_provider_uuid") is None}

    def ask(uuid: str) -> Provider | None:
        return _provider(world, uuid, roots[uuid])

    found = (provider for provider in each(ask, roots).values() if provider is not None)
    return tuple(sorted(found, key=lambda p: p.name))


def allocation_places(world: World, instance: InstanceId) -> tuple[NodeName, ...]:
    """Return the nodes on which an instance itself has CPU or memory allocated, sorted.

    While it migrates, the source's share belongs to the migration and not to the instance.

    Raises:
        Failed: placement could not be asked.
    """
    found = _get(world, f"/allocations/{instance}")["allocations"]
    compute = [uuid for uuid, held in found.items() if {*_CPU, "MEMORY_MB"} & held["resources"].keys()]
    return tuple(sorted(set(each(lambda uuid: _node(world, uuid), compute).values())))


def consumers(world: World, node: NodeName) -> frozenset[str]:
    """Return the ids of all that have allocations on a node: instances, and migrations under way.

    Raises:
        Failed: placement could not be asked.
    """
    listed = world.openstack.get("placement", "/resource_providers", version=MICROVERSION)["resource_providers"]
    roots = {p["uuid"]: p["name"] for p in listed if p.get("root_provider_uuid") in {p["uuid"], None}}
    own = {uuid for uuid, name in roots.items() if node_of(world, name) == node}
    tree = [p["uuid"] for p in listed if (p.get("root_provider_uuid") or p["uuid"]) in own]
    held = each(lambda uuid: _get(world, f"/resource_providers/{uuid}/allocations")["allocations"], tree)
    return frozenset(consumer for allocated in held.values() for consumer in allocated)


def allocations(world: World, instance: InstanceId) -> tuple[dict[str, Any], dict[str, NodeName]]:
    """Return placement's record of an instance's allocations, as it can be written back, and the node of each provider.

    Raises:
        Failed: placement could not be asked.
    """
    record = world.openstack.get("placement", f"/allocations/{instance}", version=ALLOCATIONS_VERSION)
    return record, each(lambda uuid: _node(world, uuid), record["allocations"])


def write(world: World, instance: InstanceId, record: Mapping[str, Any], shares: Mapping[str, Any]) -> None:
    """Write an instance's allocations.

    Args:
        world: the cloud.
        instance: its id.
        record: placement's record of them, as it was read; where that has changed since, placement refuses.
        shares: the allocations that it is to have, by provider.

    Raises:
        Failed: API_CONFLICT where somebody has changed them meanwhile; or placement could not be asked.
    """
    body = {key: record[key] for key in ("consumer_generation", "project_id", "user_id")}
    body["allocations"] = {uuid: {"resources": held["resources"]} for uuid, held in shares.items()}
    world.openstack.put("placement", f"/allocations/{instance}", body, version=ALLOCATIONS_VERSION)


def _provider(world: World, uuid: str, name: str) -> Provider | None:
    path = f"/resource_providers/{uuid}"
    inventories = _get(world, f"{path}/inventories")["inventories"]
    if "MEMORY_MB" not in inventories:
        return None
    usages = _get(world, f"{path}/usages")["usages"]
    traits = _get(world, f"{path}/traits")["traits"]
    cpu = next((c for c in _CPU if c in inventories), "VCPU")
    room = Resources(
        vcpu=room_of(inventories.get(cpu), usages.get(cpu, 0)),
        memory_mb=room_of(inventories["MEMORY_MB"], usages.get("MEMORY_MB", 0)),
        disk_gb=room_of(inventories.get("DISK_GB"), usages.get("DISK_GB", 0)),
    )
    return Provider(uuid, node_of(world, name), room, frozenset(traits))


def room_of(inventory: Mapping[str, Any] | None, used: int) -> int:
    """Return what is left of one resource class, by placement's rule: (total - reserved) × allocation_ratio - used."""
    if inventory is None:
        return UNLIMITED
    return int((inventory["total"] - inventory["reserved"]) * inventory["allocation_ratio"]) - used


def _node(world: World, uuid: str) -> NodeName:
    """Return the node that a provider, or the root that it is part of, stands for."""
    provider = _get(world, f"/resource_providers/{uuid}")
    root = provider.get("root_provider_uuid") or uuid
    if root != uuid:
        provider = _get(world, f"/resource_providers/{root}")
    return node_of(world, provider["name"])


def _get(world: World, path: str) -> dict[str, Any]:
    return world.openstack.get("placement", path, version=MICROVERSION)
