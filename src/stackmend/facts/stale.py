"""What placement, neutron and Cinder still record of a node for instances that are elsewhere. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.instance import IdleBinding, Instance
from stackmend.domain.leftover import Whereabouts
from stackmend.domain.values import InstanceId, NodeName
from stackmend.domain.volume import Attachment
from stackmend.facts import leftovers, migrations, network, placement, volumes
from stackmend.facts.concurrently import each
from stackmend.rules.leftovers import prove


@dataclass(frozen=True)
class Stale:
    """What the services record of a node for instances that are not there.

    Attributes:
        where: nova's and libvirt's word on each instance that is not the node's.
        shares: the instances for which placement holds a share of the node.
        bindings: neutron's inactive bindings on the node.
        bound: the ports that neutron has bound to the node itself, with whose they are.
        attachments: Cinder's, at the node, where nova rests on another one.
    """

    where: dict[InstanceId, Whereabouts]
    shares: frozenset[InstanceId]
    bindings: tuple[IdleBinding, ...]
    bound: dict[str, InstanceId]
    attachments: tuple[Attachment, ...]


def on_node(world: World, node: NodeName) -> Stale:
    """Return what the services record of a node for instances that nova has elsewhere.

    Raises:
        Failed: nova, placement or neutron could not be asked; or Cinder, where such an instance has volumes.
    """
    held = patiently(world.clock, lambda: placement.consumers(world, node))
    idle = patiently(world.clock, lambda: network.idle_on(world, node))
    ports = patiently(world.clock, lambda: network.ports_on(world, node))
    bound = {port: whose for port, (whose, active) in ports.items() if active.host == node}
    left = patiently(world.clock, lambda: migrations.evacuations_from(world, node))
    ids = {*map(InstanceId, held), *(b.instance for b in idle), *bound.values(), *(m.instance for m in left)}
    where = {
        i: w
        for i, w in leftovers.whereabouts(world, ids - {InstanceId("")}).items()
        if w.record and w.record.host != node
    }
    proved = [w.record for w in where.values() if w.record and prove(node, w).holds]
    return Stale(
        where=where,
        shares=frozenset(i for i in where if i in held),
        bindings=tuple(b for b in idle if b.instance in where),
        bound={port: whose for port, whose in bound.items() if whose in where},
        attachments=_attachments(world, node, proved),
    )


def _attachments(world: World, node: NodeName, instances: Iterable[Instance]) -> tuple[Attachment, ...]:
    """Return Cinder's attachments of the instances at the node, where nova's mapping names another of the volume's."""

    def ask(instance: Instance) -> list[Attachment]:
        found = [a for v in instance.volumes for a in volumes.of_volume(world, v).attachments]
        there = [a for a in found if a.instance == instance.id and a.host == node]
        rests = {m.volume: m.attachment for m in volumes.of_instance(world, instance.id)} if there else {}
        other = {a.volume for a in found if a.instance == instance.id and a.id == rests.get(a.volume)}
        return [a for a in there if a.volume in other and rests[a.volume] != a.id]

    by_id = {i.id: i for i in instances if i.volumes}
    asked = each(lambda i: patiently(world.clock, lambda: ask(by_id[i])), by_id)
    return tuple(a for found in asked.values() for a in found)
