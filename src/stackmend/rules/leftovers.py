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
        found[uuid] = (
            f"{record.name if record else domain.name} ({uuid}) is {domain.state} there, and {by_nova(record)}"
        )
    return found


def by_nova(record: Instance | None) -> str:
    """Return where nova has an instance, for a sentence; None where it has it no more."""
    return f"nova has it {record.vm_state} on {record.host or 'no node'}" if record else "nova does not have it"


def unseen(evacuations: Iterable[Migration]) -> tuple[Migration, ...]:
    """Return the evacuations that the node's nova-compute has still to clean up after."""
    return tuple(m for m in evacuations if m.status in UNSEEN)


def superseded(evacuations: Iterable[Migration]) -> tuple[Migration, ...]:
    """Return the unseen evacuations behind which there is a newer one of the same instance that was seen.

    Nova-compute takes one record an instance each time it starts. One that is left would have it destroy the instance
    at a later start, when that has come home: it looks at no more than the record.
    """
    records = list(evacuations)
    seen = {m.instance: m.id for m in sorted(records, key=lambda m: m.id) if m.status not in UNSEEN}
    return tuple(m for m in unseen(records) if seen.get(m.instance, 0) > m.id)
