"""What tells which instances of a node were running before it went down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from stackmend.adapters.world import World
from stackmend.domain.instance import Domain, Instance, InstanceAction
from stackmend.domain.values import InstanceId, NodeName
from stackmend.facts import boot, domains, instance_actions, instances
from stackmend.facts.concurrently import each


@dataclass(frozen=True)
class NodePower:
    """A node's instances, and what was done with their power.

    Attributes:
        node: its name.
        down: when it last went down.
        instances: nova's records of what is on it.
        domains: libvirt's.
        actions: what nova did with each instance that is stopped, newest first.
    """

    node: NodeName
    down: datetime
    instances: tuple[Instance, ...]
    domains: Mapping[InstanceId, Domain]
    actions: Mapping[InstanceId, tuple[InstanceAction, ...]]


def gather(world: World, node: NodeName) -> NodePower:
    """Ask nova and the node.

    Raises:
        Failed: one of them could not be asked.
    """
    recorded = instances.on_node(world, node)
    stopped = [i.id for i in recorded if i.vm_state == "stopped"]
    return NodePower(
        node=node,
        down=boot.went_down(world, node),
        instances=recorded,
        domains=domains.on_node(world, node),
        actions=each(lambda one: instance_actions.recent(world, one), stopped),
    )
