"""Whether the heartbeat of a nova-compute advances, by nova's own record of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from stackmend.adapters.world import World
from stackmend.domain.health import HeartbeatWatch
from stackmend.domain.values import NodeName
from stackmend.facts import services

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
        Refused: nova has no nova-compute there.
    """
    deadline = INTERVALS * interval + GRACE + settle
    started = world.clock.monotonic()
    beats: list[datetime] = []

    def enough() -> bool | None:
        beat = services.compute_service(world, node).heartbeat
        if beat is not None and (not beats or beat > beats[-1]):
            beats.append(beat)
            progress(f"heartbeat of {node}: {len(beats) - 1} of {wanted - 1} advances", len(beats) / wanted)
        return len(beats) >= wanted or None

    world.clock.wait_for(enough, timeout=deadline, interval=1.0)
    return HeartbeatWatch(tuple(beats), world.clock.monotonic() - started, deadline, interval)
