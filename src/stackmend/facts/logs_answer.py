"""What the program that reads a machine's logs is asked, and what its answer means."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from stackmend.domain.log_record import LogGroup, LogQuery, LogRecord, LogService, NodeLogs
from stackmend.domain.values import NodeName
from stackmend.rules.logs_merge import offset_between

TOP = "/var/log"
BUNDLE_THREADS = 2
"""Files of a bundle that are read at once; a node has other work, so one."""


def order(
    query: LogQuery, services: Sequence[LogService], *, top: str = TOP, asked: float = 0.0, zone: str = ""
) -> dict[str, Any]:
    """Return what the program is asked for a query; ``logs_scan.Order`` says what each word means.

    Args:
        query: which records.
        services: that may log on the node.
        top: directory of the logs.
        asked: when it is asked, seconds; 0 for a bundle.
        zone: of a bundle's time stamps that name none; empty for the machine's own.
    """
    needles = [group for group in (query.requests, query.instances) if group]
    return {
        "top": top,
        "services": [(service.name, service.directories, service.units) for service in services],
        "wanted": query.services,
        "needles": [*needles, *([text] for text in query.texts)],
        "level": query.level,
        "since": query.since.timestamp() if query.since else None,
        "until": query.until.timestamp() if query.until else None,
        "asked": asked,
        "errors": query.errors,
        "limit": query.limit,
        "journal": bool(asked),
        "threads": 1 if asked else BUNDLE_THREADS,
        "zone": zone,
    }


def of_program(
    node: NodeName, status: int, stdout: str, stderr: str, query: LogQuery, asked: tuple[float, float]
) -> NodeLogs:
    """Return what a node's logs have, by how the program ended there; see ``of_lines``."""
    lines = stdout.splitlines()
    if status or not lines:
        said = [line for line in stderr.splitlines() if line.strip()]
        return NodeLogs(node, silent=f"its logs could not be read: {said[-1] if said else 'it said nothing'}")
    return of_lines(node, [json.loads(line) for line in lines], query, asked)


def of_lines(
    node: NodeName, lines: Sequence[Mapping[str, Any]], query: LogQuery, asked: tuple[float, float]
) -> NodeLogs:
    """Return what a node's logs have, by what the program said.

    Args:
        node: whose logs.
        lines: of the program.
        query: what was asked.
        asked: when it was asked and when it had answered, seconds; 0 for a bundle, where the clocks are left alone.
    """
    *found, last = lines
    offset, uncertainty = offset_between(last["end"], asked) if asked[0] else (0.0, 0.0)
    records = () if query.errors else tuple(_records(node, found, offset, query))
    return NodeLogs(
        node,
        records=records,
        groups=tuple(_group(node, line, offset) for line in found) if query.errors else (),
        matched=len(records) if len(found) == last["matched"] and not query.errors else last["matched"],
        files=last["files"],
        offset=offset,
        uncertainty=uncertainty,
        unread=tuple(last["unread"]),
    )


def _records(node: NodeName, lines: Sequence[Mapping[str, Any]], offset: float, query: LogQuery) -> Iterator[LogRecord]:
    """Yield the records that are in the query's window by this machine's clock; ``SLACK`` more were sent."""
    for line in lines:
        made = record(node, line, offset)
        if (query.since is None or made.time >= query.since) and (query.until is None or made.time <= query.until):
            yield made


def record(node: NodeName, line: Mapping[str, Any], offset: float) -> LogRecord:
    """Return a record as the program said it, its time corrected."""
    return LogRecord(**{**line, "node": node, "time": _moment(line["time"] - offset)})


def _group(node: NodeName, line: Mapping[str, Any], offset: float) -> LogGroup:
    first, last = _moment(line["first"] - offset), _moment(line["last"] - offset)
    return LogGroup(**{**line, "nodes": (node,), "first": first, "last": last})


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
