"""Whether files that a living node sees are those that a dead node used. Pure.

A directory of an instance on another node proves nothing by itself: a migration may have left it there, be it one that
failed, and nova would bring the instance up from that old disk. It is taken for the dead node's own only where
something in it is newer than every attempt to move the instance, and than its arrival, which a copy left behind can't
be; or where the dead node itself wrote its name into that directory of instances, as nova's image cache does, while it
lived.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from stackmend.domain.instance import Instance, Migration
from stackmend.domain.recovery import Sight, Stranded
from stackmend.domain.values import InstanceId
from stackmend.rules.migration import Phase, phase

SKEW = timedelta(seconds=5)
"""How far the clocks of nodes and controller may be apart."""

ROLLBACK = timedelta(minutes=2)
"""How long after its record says that a move failed nova may still write to, or remove, what it left on its target."""

REGISTERED_WITHIN = timedelta(hours=24)
"""How old the dead node's last entry may be at its last heartbeat, as in nova/virt/storage_users.py."""


def proved(sight: Sight, stranded: Iterable[Stranded], last_heartbeat: datetime | None) -> frozenset[InstanceId]:
    """Return the instances whose disks, as seen by a living node, are shown to be the dead node's own.

    An image in Ceph is: its name is the instance's id, and there is one pool for all.
    """
    return sight.in_ceph | _files(sight, stranded, last_heartbeat)


def _files(sight: Sight, stranded: Iterable[Stranded], last_heartbeat: datetime | None) -> frozenset[InstanceId]:
    seen = [s for s in stranded if s.instance.id in sight.changed]
    if _registered(sight, last_heartbeat):
        return frozenset(s.instance.id for s in seen)
    return frozenset(
        s.instance.id for s in seen if s.settled is not None and sight.changed[s.instance.id] > s.settled + SKEW
    )


def _registered(sight: Sight, last_heartbeat: datetime | None) -> bool:
    if sight.registered is None or last_heartbeat is None:
        return False
    return sight.registered > last_heartbeat - REGISTERED_WITHIN


def settled(instance: Instance, records: Sequence[Migration]) -> datetime | None:
    """Return since when nothing but the instance itself can have written to a directory of it.

    None where that is not known: a move of it is under way, or was when the node went, or nova does not say when it was
    launched.
    """
    if instance.launched is None or any(phase(r) is Phase.UNDERWAY or r.updated is None for r in records):
        return None
    ends = [r.updated + (ROLLBACK if phase(r) is Phase.BADLY else timedelta()) for r in records if r.updated]
    return max([instance.launched, *ends])
