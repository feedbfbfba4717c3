"""The guest's heartbeat: the line it writes once a second on its console, and what a console's lines come to."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_LINE = re.compile(
    r"stackmend-beat seq=(?P<sequence>\d+) boot=(?P<boot>\d+) id=(?P<instance>\S+) mac=(?P<mac>\S+) "
    r"disk=(?P<disk>\S+) at=(?P<at>\d+\.\d+)\s*$"
)


@dataclass(frozen=True)
class Beat:
    """One heartbeat.

    Attributes:
        sequence: grows by one with each beat; carried on over reboots by the guest's disk.
        boot: how many times the disk was booted from.
        instance: the instance's UUID, as its machine's firmware has it.
        mac: of its first network interface.
        disk: ``rw``, ``failed`` (a write did not succeed) or ``none``.
        at: the guest's clock, seconds since 1970.
    """

    sequence: int
    boot: int
    instance: str
    mac: str
    disk: str
    at: float


@dataclass(frozen=True)
class BeatReport:
    """What a series of beats comes to.

    Attributes:
        count: number of beats seen.
        missing: sequence numbers within the series that were not seen.
        longest_gap_s: longest time between two beats that follow each other, seconds of the guest's clock.
        reboots: how often the boot count grew.
    """

    count: int
    missing: int
    longest_gap_s: float
    reboots: int


def parse(line: str) -> Beat | None:
    """Return the heartbeat that a console line holds; None where it is cut off or something else."""
    found = _LINE.search(line)
    if found is None:
        return None
    return Beat(
        sequence=int(found["sequence"]),
        boot=int(found["boot"]),
        instance=found["instance"],
        mac=found["mac"],
        disk=found["disk"],
        at=float(found["at"]),
    )


def parse_all(lines: Iterable[str]) -> list[Beat]:
    """Return the heartbeats among a console's lines, in their order."""
    return [beat for beat in map(parse, lines) if beat is not None]


def report(beats: Sequence[Beat]) -> BeatReport:
    """Return what beats, in the order they were written, come to."""
    pairs = list(itertools.pairwise(beats))
    return BeatReport(
        count=len(beats),
        missing=sum(max(0, later.sequence - earlier.sequence - 1) for earlier, later in pairs),
        longest_gap_s=max((later.at - earlier.at for earlier, later in pairs), default=0.0),
        reboots=sum(later.boot > earlier.boot for earlier, later in pairs),
    )
