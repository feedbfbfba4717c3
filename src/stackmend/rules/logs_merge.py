"""One time line, and one list of groups, out of what was read on many nodes; and what a person must be told of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from heapq import merge as merged

from stackmend.domain.log_record import LogGroup, LogRecord, NodeLogs

NOTABLE_SECONDS = 1.0
"""A clock that is further off is said."""


def offset_between(there: Sequence[float], here: Sequence[float]) -> tuple[float, float]:
    """Return by how many seconds another clock is ahead of this machine's, and by how much that may be wrong.

    What was done there began after it was asked for here, and ended before its answer was here; so the offset is
    between two bounds. Where these do not exclude that there is none, none is assumed.

    Args:
        there: when it began and ended there, by that clock.
        here: when it was asked for and answered here, by this one.
    """
    most, least = there[0] - here[0], there[1] - here[1]
    middle, half = (most + least) / 2, abs(most - least) / 2
    return (0.0, half) if least <= 0 <= most else (middle, half)


def time_line(reads: Iterable[NodeLogs]) -> list[LogRecord]:
    """Return the records of all nodes in the order of time."""
    return list(merged(*(read.records for read in reads), key=lambda record: record.time))


def grouped(reads: Iterable[NodeLogs]) -> list[LogGroup]:
    """Return the groups of all nodes, alike ones as one, the most frequent first."""
    known: dict[tuple[str, str, str, str], LogGroup] = {}
    for group in (group for read in reads for group in read.groups):
        key = (group.service, group.level, group.logger, group.template)
        known[key] = _both(known[key], group) if key in known else group
    return sorted(known.values(), key=lambda group: (-group.count, group.first))


def origins(records: Iterable[LogRecord], asked: Sequence[str]) -> list[str]:
    """Return the ids of the requests that those which were asked for were made for, and that were not asked for."""
    made = (record.global_request for record in records if record.request in asked)
    return list(dict.fromkeys(other for other in made if other and other not in asked))


def remarks(reads: Iterable[NodeLogs]) -> list[str]:
    """Return a sentence for everything that makes the answer less than whole, or that was corrected in it."""
    return [sentence for read in reads for sentence in _remarks(read)]


def _remarks(read: NodeLogs) -> list[str]:
    if read.silent:
        return [f"{read.node} was not read: {read.silent}"]
    said = [f"{read.node}: {sentence}" for sentence in read.unread]
    if abs(read.offset) > NOTABLE_SECONDS:
        way = "ahead of" if read.offset > 0 else "behind"
        said.append(
            f"the clock of {read.node} is {abs(read.offset):.1f} s {way} this machine's (±{read.uncertainty:.1f} s); "
            "its times are corrected"
        )
    here = len(read.records) + len(read.groups)
    if read.matched > here:
        what = "most frequent" if read.groups else "newest"
        said.append(f"{read.node}: only the {what} {here} of {read.matched} are shown; narrow it, or raise --limit")
    return said


def _both(one: LogGroup, other: LogGroup) -> LogGroup:
    later = other if other.last > one.last else one
    return replace(
        later,
        count=one.count + other.count,
        first=min(one.first, other.first),
        nodes=tuple(dict.fromkeys((*one.nodes, *other.nodes))),
    )
