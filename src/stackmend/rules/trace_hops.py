"""The services that worked for a command, in the order in which they did."""

from __future__ import annotations

from collections.abc import Iterable

from stackmend.domain.log_record import LogRecord
from stackmend.domain.trace import Hop
from stackmend.rules.logs_lines import LEVELS
from stackmend.rules.trace_errors import is_error

Place = tuple[str, str]
"""Service and node."""


def place(record: LogRecord) -> Place:
    """Return where a record was written."""
    return record.service, str(record.node)


def hops(records: Iterable[LogRecord]) -> tuple[Hop, ...]:
    """Return a hop for each service and node, in the order of their first records."""
    known: dict[Place, list[LogRecord]] = {}
    for record in records:
        known.setdefault(place(record), []).append(record)
    return tuple(sorted((_hop(of_one) for of_one in known.values()), key=lambda hop: hop.first))


def _hop(records: list[LogRecord]) -> Hop:
    times = [record.time for record in records]
    levels = [record.level for record in records if record.level in LEVELS]
    return Hop(
        records[0].service,
        records[0].node,
        min(times),
        max(times),
        len(records),
        sum(map(is_error, records)),
        max(levels, key=LEVELS.index, default=""),
        tuple(dict.fromkeys(record.request for record in records if record.request)),
    )
