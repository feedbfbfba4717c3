"""What a node that comes back still has of instances that were started elsewhere meanwhile. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stackmend.domain.instance import Domain, Instance, Migration
from stackmend.domain.values import InstanceId, NodeName

UNSEEN = frozenset({"accepted", "pre-migrating", "done"})
"""Statuses of an evacuation that the node's own nova-compute has not yet seen; it makes them ``completed`` when it has
removed what was left (nova/compute/manager.py, ``_destroy_evacuated_instances``)."""


def leftovers(
    node: NodeName, seen: Mapping[InstanceId, Domain], records: Mapping[InstanceId, Instance | None]
) -> dict[InstanceId, str]:
    """Return a sentence for each domain on a node that nova has elsewhere, or no more.

    Args:
        node: that came back.
        seen: its libvirt's domains.
        records: nova's record of each of them; None where nova has none.
    """
    found = {}
    for uuid, domain in seen.items():
        record = records.get(uuid)
        if record is not None and record.host == node:
            continue
        place = f"nova has it {record.vm_state} on {record.host or 'no node'}" if record else "nova does not have it"
        found[uuid] = f"{record.name if record else domain.name} ({uuid}) is {domain.state} there, and {place}"
    return found


def unseen(evacuations: Iterable[Migration]) -> tuple[Migration, ...]:
    """Return the evacuations that the node's nova-compute has still to clean up after."""
    return tuple(m for m in evacuations if m.status in UNSEEN)
