"""What a node still has of instances that are elsewhere: its domains and directories. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.instance import Domain
from stackmend.domain.leftover import LeftDirectory, LeftDomain, Whereabouts
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import StackmendError
from stackmend.facts import domains, instance_files, instances
from stackmend.facts.concurrently import each
from stackmend.rules.instance_files import judge
from stackmend.rules.instance_names import instance_of
from stackmend.rules.leftovers import directories_of, left_directories, left_domains


def whereabouts(world: World, ids: Iterable[InstanceId]) -> dict[InstanceId, Whereabouts]:
    """Return where nova has each instance, and what the libvirt there says of it; nova is asked first.

    Raises:
        Failed: nova could not be asked.
    """
    records = each(lambda i: patiently(world.clock, lambda: instances.restorable(world, i)), set(ids))
    unknown = [i for i, record in records.items() if record is None]
    gone = each(lambda i: patiently(world.clock, lambda: instances.deleted(world, i)), unknown)
    hosts = {record.host for record in records.values() if record is not None and record.host}
    known = [host for host in hosts if host in world.inventory.nodes]
    seen = domains.on_nodes(world, known) if known else {}

    def of(instance: InstanceId) -> Whereabouts:
        record = records[instance]
        if record is None:
            return Whereabouts(None, deleted=gone[instance] is not None)
        answer = seen.get(record.host)
        if isinstance(answer, StackmendError):
            return Whereabouts(record, silent=answer.sentence)
        if answer is None and record.host:
            return Whereabouts(record, silent=f"{record.host} is not in the inventory")
        return Whereabouts(record, there=(answer or {}).get(instance))

    return {instance: of(instance) for instance in records}


def domains_left(world: World, node: NodeName) -> tuple[LeftDomain, ...]:
    """Return the domains on a node that nova has elsewhere, or no more.

    Raises:
        Failed: the node or nova could not be asked.
    """
    return judged(world, node, domains.on_node(world, node))


def judged(world: World, node: NodeName, seen: Mapping[InstanceId, Domain]) -> tuple[LeftDomain, ...]:
    """Return those of a node's domains that nova has elsewhere, or no more.

    Raises:
        Failed: nova could not be asked.
    """
    here = {i.id for i in patiently(world.clock, lambda: instances.on_node(world, node))} if seen else set()
    others = {uuid: domain for uuid, domain in seen.items() if uuid not in here}
    return left_domains(node, others, whereabouts(world, others))


def directories_left(world: World, node: NodeName) -> tuple[LeftDirectory, ...]:
    """Return the directories on a node of instances that nova has elsewhere, or has deleted.

    Raises:
        Failed: the node or nova could not be asked.
    """
    audit = judge(instance_files.gather(world, node))
    ids = {i for item in directories_of(audit) if (i := instance_of(item.name))}
    return left_directories(audit, whereabouts(world, ids))
