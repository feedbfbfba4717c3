"""Where neutron, placement and Cinder have an instance whose row was changed: moved after it by their APIs.

Each function may be called again after a kill at any point: it looks first, and does what is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackmend.adapters.world import World
from stackmend.domain.relocation import Settlement
from stackmend.domain.values import InstanceId, JsonObject, NodeName
from stackmend.errors import Code, Failed, StackmendError
from stackmend.facts import network, placement, volumes
from stackmend.facts.placement import ALLOCATIONS_VERSION

UNBOUND = frozenset({"binding_failed", "unbound"})
COMPLETE_VERSION = "3.44"
"""Of Queens: the first with ``os-complete``."""
TRIES = 3


def bind(world: World, settlement: Settlement, to: NodeName) -> None:
    """Bind the ports that were bound on the source to a node.

    Raises:
        Failed: neutron refused, or nothing on that node takes them.
    """
    bound = {b.port: b for b in network.bindings(world, settlement.instance)}
    for port in settlement.ports:
        if port in bound and bound[port].host != to:
            world.openstack.put("network", f"/ports/{port}", {"port": {"binding:host_id": to}})
    wrong = [b.port for b in network.bindings(world, settlement.instance) if b.host == to and b.kind in UNBOUND]
    if wrong:
        raise Failed(
            Code.API_CONFLICT,
            f"neutron has nothing on {to} that takes the ports of {settlement.name}: {', '.join(sorted(wrong))}",
            hint=f"see neutron's agents on {to} (`openstack network agent list --host {to}`), then retry",
            evidence={"instance": settlement.instance, "host": to},
        )


def allocate(world: World, instance: InstanceId, source: NodeName, target: NodeName) -> None:
    """Give the share that an instance has of one node to another's provider.

    Raises:
        Failed: placement refused it, as it does where there is no room; or the target has no provider.
    """
    for left in reversed(range(TRIES)):
        record, nodes = placement.allocations(world, instance)
        if source not in nodes.values():
            return
        root = next((p.uuid for p in placement.providers(world) if p.name == target), None)
        if root is None:
            raise Failed(Code.NO_TARGET, f"placement has no provider of {target}", evidence={"host": target})
        wanted = {root if nodes[u] == source else u: {"resources": h["resources"]} for u, h in _held(record).items()}
        try:
            _write(world, instance, record, wanted)
        except StackmendError as error:
            # somebody else wrote it meanwhile, as its generation tells
            if error.code is not Code.API_CONFLICT or not left:
                raise
        else:
            return


def allocate_again(world: World, settlement: Settlement) -> None:
    """Write an instance's former allocations, where they named the source.

    Raises:
        Failed: placement refused it.
    """
    if settlement.allocations:
        former = {u: {"resources": h["resources"]} for u, h in _held(settlement.allocations).items()}
        record, _ = placement.allocations(world, settlement.instance)
        _write(world, settlement.instance, record, former)


def _write(world: World, instance: InstanceId, record: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Write an instance's allocations, on the generation of a record of them."""
    body = {key: record[key] for key in ("consumer_generation", "project_id", "user_id")} | {"allocations": wanted}
    world.openstack.put("placement", f"/allocations/{instance}", body, version=ALLOCATIONS_VERSION)


def attach(world: World, settlement: Settlement, to: NodeName) -> None:
    """Have Cinder's attachments name a node, by a connector that tells no more of it than its name.

    That is enough where the connection is the same from every node, and no other volume is moved this way.

    Raises:
        Failed: Cinder refused.
    """
    for attachment, volume in settlement.attachments.items():
        records = volumes.of_volume(world, volume)
        mine = next((a for a in records.attachments if a.id == attachment), None)
        if mine is None:
            continue
        path = f"/attachments/{attachment}"
        if mine.host != to:
            connector: JsonObject = {"host": to, "multipath": False, "mountpoint": mine.device}
            body: JsonObject = {"attachment": {"connector": connector}}
            world.openstack.put(volumes.CINDER, path, body, version=volumes.CINDER_VERSION)
        if mine.host != to or mine.status != "attached" or records.volumes[0].status != "in-use":
            world.openstack.post(volumes.CINDER, f"{path}/action", {"os-complete": {}}, version=COMPLETE_VERSION)


def _held(record: Mapping[str, Any]) -> Mapping[str, Any]:
    held: Mapping[str, Any] = record["allocations"]
    return held
