"""Clocks of nodes against this machine's, corrected for the round trip."""

from __future__ import annotations

from collections.abc import Iterable

from stackmend.adapters.world import World
from stackmend.domain.health import ClockReading
from stackmend.domain.values import NodeName
from stackmend.errors import StackmendError

_SAMPLES = 3
_NTP = """
timeout 5 timedatectl show -p NTPSynchronized 2>/dev/null
for unit in chrony chronyd ntp ntpd ntpsec systemd-timesyncd openntpd; do
  systemctl is-active --quiet $unit && { echo "unit=$unit"; break; }
done
true"""


def reading(world: World, node: NodeName) -> ClockReading:
    """Return how far a node's clock is ahead of this machine's: the sample with the shortest round trip of three.

    Raises:
        Failed: the node could not be asked.
    """
    best = min((_sample(world, node) for _ in range(_SAMPLES)), key=lambda s: s[1])
    shown = dict(line.split("=", 1) for line in world.ssh.run(node, _NTP).stdout.splitlines() if "=" in line)
    said = shown.get("NTPSynchronized")
    return ClockReading(
        node=node,
        offset=best[0],
        uncertainty=best[1],
        synchronised=None if said is None else said == "yes",
        ntp=shown.get("unit", ""),
    )


def readings(world: World, nodes: Iterable[NodeName]) -> tuple[ClockReading, ...]:
    """Return the clocks of several nodes; one that cannot be asked is silent, with the reason."""
    return tuple(_reading_or_silence(world, node) for node in nodes)


def _reading_or_silence(world: World, node: NodeName) -> ClockReading:
    try:
        return reading(world, node)
    except StackmendError as error:
        return ClockReading(node, 0.0, 0.0, silent=error.sentence)


def _sample(world: World, node: NodeName) -> tuple[float, float]:
    """Return offset and half of the round trip, seconds."""
    before = world.clock.now().timestamp()
    there = float(world.ssh.run(node, "date +%s.%N").stdout)
    after = world.clock.now().timestamp()
    return there - (before + after) / 2, (after - before) / 2
