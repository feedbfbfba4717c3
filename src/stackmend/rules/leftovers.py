"""What a node that comes back still has of instances that were started elsewhere meanwhile. Pure.

Invariant: an instance is *proved* elsewhere only where nova has it on another node and is not at work with it, and the
libvirt of that node has its domain, in a state that agrees. It is proved gone only where nova has a record of its
deletion; that nova has nothing of it proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stackmend.domain.instance import Domain, Instance, Migration
from stackmend.domain.instance_files import Audit, Item, Kind, Standing
from stackmend.domain.leftover import LeftDirectory, LeftDomain, Proof, Whereabouts
from stackmend.domain.values import InstanceId, NodeName
from stackmend.rules.instance_cleaning import why_kept
from stackmend.rules.instance_names import instance_of

UNSEEN = frozenset({"accepted", "pre-migrating", "done"})
"""Statuses of an evacuation that the node's own nova-compute has not yet seen; it makes them ``completed`` when it has
removed what was left (nova/compute/manager.py, ``_destroy_evacuated_instances``)."""

_SETTLED = frozenset({"active", "stopped", "paused", "suspended", "rescued", "error"})
"""States in which nova has an instance on one node and nothing of it on another; a resized one has a way back."""

_DIRECTORIES = frozenset({Kind.INSTANCE, Kind.RESIZE, Kind.DELETING})
_LEFT = frozenset({Standing.RECOVERABLE, Standing.AT_RISK, Standing.UNKNOWN, Standing.ORPHANED})


def prove(node: NodeName, where: Whereabouts) -> Proof:
    """Return whether an instance is proved not to be a node's any more.

    Args:
        node: that has something of it.
        where: what nova and the libvirt of the node that it names say.
    """
    record = where.record
    if record is None:
        return Proof(where.deleted, "nova has deleted it" if where.deleted else by_nova(None))
    says = by_nova(record)
    if record.host == node:
        return Proof(holds=False, sentence=says)
    if record.task_state or record.vm_state not in _SETTLED or not record.host:
        return Proof(holds=False, sentence=f"{says} ({record.task_state})" if record.task_state else says)
    if where.silent:
        return Proof(holds=False, sentence=f"{says}, whose libvirt could not be asked: {where.silent}")
    if where.there is None:
        return Proof(holds=False, sentence=f"{says}, but libvirt there does not have it")
    if record.vm_state == "active" and not where.there.is_active:
        return Proof(holds=False, sentence=f"{says}, but libvirt there has it {where.there.state}")
    return Proof(holds=True, sentence=f"{says}, and libvirt there has it {where.there.state}")


def left_domains(
    node: NodeName, seen: Mapping[InstanceId, Domain], where: Mapping[InstanceId, Whereabouts]
) -> tuple[LeftDomain, ...]:
    """Return the domains on a node that nova has elsewhere, or no more, sorted by id.

    Args:
        node: that came back.
        seen: its libvirt's domains.
        where: what is known of each of them.
    """
    found = []
    for uuid, domain in sorted(seen.items()):
        record = where[uuid].record
        if record is None or record.host != node:
            called = f"{record.name if record else domain.title or domain.name} ({uuid})"
            proof = prove(node, where[uuid])
            if proof.holds and domain.saved:
                proof = Proof(holds=False, sentence=f"{proof.sentence}; but here libvirt holds memory saved of it")
            found.append(LeftDomain(domain, called, proof))
    return tuple(found)


def directories_of(audit: Audit) -> tuple[Item, ...]:
    """Return the items of an audit that may be directories of instances which are elsewhere or no more."""
    return tuple(i for i in audit.items if i.kind in _DIRECTORIES and i.entry is not None and i.standing in _LEFT)


def left_directories(audit: Audit, where: Mapping[InstanceId, Whereabouts]) -> tuple[LeftDirectory, ...]:
    """Return the directories of instances that nova has on another node, or has deleted.

    What nova knows nothing of, and what it has here, is none. In a directory that other nodes see nothing is to be put
    aside because of this one.

    Args:
        audit: of the node's directory of instances.
        where: what is known of the instances of ``directories_of``.
    """
    found = []
    for item in directories_of(audit):
        instance = instance_of(item.name)
        if instance is None or item.entry is None:
            continue
        record, proof = where[instance].record, prove(audit.node, where[instance])
        if (record is None and not where[instance].deleted) or (record is not None and record.host == audit.node):
            continue
        why = why_kept(item) or (f"other nodes see it too: {', '.join(audit.shared_with)}" if audit.shared_with else "")
        holds = record is not None and bool(record.host) and not why
        proof = Proof(holds=False, sentence=why) if why else proof
        sentence = f"directory {item.name} is there, and {proof.sentence}"
        found.append(LeftDirectory(item.name, item.entry.inode, instance, sentence, proof, holds))
    return tuple(found)


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


def half_way(here: Iterable[Instance], evacuations: Iterable[Migration]) -> tuple[Instance, ...]:
    """Return the instances on a node that nova has in the middle of an evacuation which nobody carries on.

    Args:
        here: nova's records of the instances on the node.
        evacuations: every evacuation away from it.
    """
    under_way = {m.instance for m in unseen(evacuations)}
    return tuple(i for i in here if i.task_state.startswith("rebuild") and i.id not in under_way)
