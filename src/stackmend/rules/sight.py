"""Whether files that a living node sees are those that a dead node used. Pure.

A directory of an instance on another node proves nothing by itself: a failed migration may have left it there, and nova
would bring the instance up from that old disk. It is taken for the dead node's own only where something in it is newer
than the instance's arrival on that node, which a copy left behind can't be; or where the dead node itself wrote its
name into that directory of instances, as nova's image cache does, while it lived.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from stackmend.domain.recovery import Sight, Stranded
from stackmend.domain.values import InstanceId

SKEW = timedelta(seconds=5)
"""How far the clocks of nodes and controller may be apart."""

REGISTERED_WITHIN = timedelta(hours=24)
"""How old the dead node's last entry may be at its last heartbeat, as in nova/virt/storage_users.py."""


def proved(sight: Sight, stranded: Iterable[Stranded], last_heartbeat: datetime | None) -> frozenset[InstanceId]:
    """Return the instances whose directory, as seen by a living node, is shown to be the dead node's own."""
    seen = [s for s in stranded if s.instance.id in sight.changed]
    if _registered(sight, last_heartbeat):
        return frozenset(s.instance.id for s in seen)
    return frozenset(
        s.instance.id for s in seen if s.arrived is not None and sight.changed[s.instance.id] > s.arrived + SKEW
    )


def _registered(sight: Sight, last_heartbeat: datetime | None) -> bool:
    if sight.registered is None or last_heartbeat is None:
        return False
    return sight.registered > last_heartbeat - REGISTERED_WITHIN
