"""Everything that is known before a node's instances are salvaged; nothing is changed."""

from __future__ import annotations

import posixpath

from stackmend.adapters.world import World
from stackmend.domain.instance_files import BASE
from stackmend.domain.salvage import Place, SalvageFacts
from stackmend.domain.values import NodeName
from stackmend.facts import recovery, salvage_node
from stackmend.facts.instance_listing import Glance, glance_script, parse_glance, shares
from stackmend.facts.settings import instances_path


def gather(world: World, node: NodeName, target: NodeName, disk: Place | None) -> SalvageFacts:
    """Return the world before a salvage.

    Args:
        world: the cloud.
        node: that is offline for nova.
        target: that its instances are to be brought up on.
        disk: where the node's directory of instances is read; None for the node itself, at its own place.

    Raises:
        Refused: nova has no nova-compute there.
        Failed: a service or a node that must be asked could not be.
    """
    source = disk or Place(node, instances_path(world, node))
    known = recovery.gather(world, node)
    to = Place(target, posixpath.normpath(instances_path(world, target)))
    ids = [s.instance.id for s in known.stranded]
    there = salvage_node.room(world, to)
    return SalvageFacts(
        recovery=known,
        source=source,
        target=to,
        units=salvage_node.units_there(world, source.node) if source.node == node else (),
        running=salvage_node.used(world, source, ids),
        entries=salvage_node.tree(world, source, ids),
        taken=there.names - {BASE},
        bases=there.bases,
        free=there.free,
        shared=shares(_glance(world, source), _glance(world, to)),
    )


def _glance(world: World, place: Place) -> Glance:
    return parse_glance(world.ssh.run(place.node, glance_script(place.path)).stdout)
