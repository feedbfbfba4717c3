"""What libvirt has on a node that nova does not have there."""

from __future__ import annotations

from stackmend.adapters.world import World
from stackmend.domain.instance import Instance, Stranger
from stackmend.domain.values import NodeName
from stackmend.facts import domains, instances
from stackmend.facts.concurrently import each


def on_node(world: World, node: NodeName) -> tuple[Stranger, ...]:
    """Return the domains on a node whose instance nova has elsewhere or no more, sorted by id.

    What comes or goes while this is asked is none: libvirt is asked before nova and once more after it, and what nova
    is at work with is left out.

    Raises:
        Failed: nova or the node's libvirt could not be asked.
    """
    before = domains.on_node(world, node)
    known = {i.id for i in instances.on_node(world, node)} if before else set()
    records = each(lambda uuid: instances.get(world, uuid), sorted(before.keys() - known))
    suspects = {uuid: record for uuid, record in records.items() if record is None or _settled_off(record, node)}
    now = domains.on_node(world, node) if suspects else {}
    return tuple(Stranger(now[uuid], record) for uuid, record in suspects.items() if uuid in now)


def _settled_off(record: Instance, node: NodeName) -> bool:
    return record.host != node and not record.task_state
