"""Whether the heartbeat of a nova-compute advances, by nova's own record of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from stackmend.adapters.world import World
from stackmend.domain.health import HeartbeatWatch
from stackmend.domain.values import NodeName

INTERVALS = 3
"""Report intervals that two advances may take: one to the first, one to the second, one of grace."""

GRACE = 5.0
"""Seconds on top, for a database that is slow to be written."""


def watch(
    world: World,
    node: NodeName,
    *,
    interval: int,
    wanted: int,
    progress: Callable[[str, float | None], None],
    settle: float = 0.0,
) -> HeartbeatWatch:
    """Watch ``updated_at`` in ``GET /os-services`` until it showed enough values, or the deadline has passed.

    Args:
        world: the cloud.
        node: the compute node.
        interval: its ``report_interval``, seconds; the deadline follows from it.
        wanted: how many different values to wait for, the first one included.
        progress: told of each new value, with the fraction of ``wanted``.
        settle: seconds on top, for a service that has only just been started.

    Raises:
        Failed: nova-api could not be asked.
    """
    deadline = INTERVALS * interval + GRACE + settle
    started = world.clock.monotonic()
    beats: list[datetime] = []

    def enough() -> bool | None:
        beat = last(world, node)
        if beat is not None and (not beats or beat > beats[-1]):
            beats.append(beat)
            progress(f"heartbeat of {node}: {len(beats) - 1} of {wanted - 1} advances", len(beats) / wanted)
        return len(beats) >= wanted or None

    world.clock.wait_for(enough, timeout=deadline, interval=1.0)
    return HeartbeatWatch(tuple(beats), world.clock.monotonic() - started, deadline, interval)


def last(world: World, node: NodeName) -> datetime | None:
    """Return when the node's nova-compute last reported; None where it never did, or nova has no record of it.

    Raises:
        Failed: nova-api could not be asked.
    """
    params = {"binary": "nova-compute", "host": node}
    found = world.openstack.get("compute", "/os-services", version="2.53", params=params)["services"]
    stamp = found[0].get("updated_at") if found else None
    return datetime.fromisoformat(stamp).replace(tzinfo=UTC) if stamp else None
