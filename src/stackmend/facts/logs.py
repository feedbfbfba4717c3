"""Records of the services' logs, read on the nodes, or from a bundle of copied logs.

The filter runs where the logs are: only matches travel, no more than the query's limit from a node.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from stackmend.adapters.here import Ended, python
from stackmend.adapters.ssh import Completed
from stackmend.adapters.world import World
from stackmend.domain.log_record import LogGroup, LogQuery, LogRecord, LogService, NodeLogs
from stackmend.domain.values import NodeName
from stackmend.errors import StackmendError
from stackmend.facts.concurrently import each
from stackmend.facts.logs_bundle import Part
from stackmend.facts.logs_program import program, script
from stackmend.facts.logs_scan import SLACK
from stackmend.rules.logs_merge import offset_between
from stackmend.rules.logs_services import services_of

TOP = "/var/log"
SCAN = "stackmend.facts.logs_scan"


def read_nodes(world: World, query: LogQuery, nodes: Sequence[NodeName], *, timeout: float) -> tuple[NodeLogs, ...]:
    """Return what the logs of nodes have; one that cannot be read is silent, with the reason."""
    asked = world.clock.now().timestamp()
    services = {node: services_of(world.inventory.nodes[node].roles) for node in nodes}
    scripts = {node: script(SCAN, order(query, services[node], asked=asked)) for node in nodes}
    answers = world.ssh.run_many(scripts, timeout=timeout, check=False)
    after = world.clock.now().timestamp()
    return tuple(_of_node(node, answer, query, (asked, after)) for node, answer in answers.items())


def read_bundle(parts: Sequence[Part], query: LogQuery, *, zone: str) -> tuple[NodeLogs, ...]:
    """Return what the copied logs of nodes have.

    Args:
        parts: the nodes' directories.
        query: which records.
        zone: of the time stamps that name none, as in TZ.
    """
    environment = {**{name: os.environ[name] for name in ("PATH",) if name in os.environ}, "LC_ALL": "C", "TZ": zone}
    services = services_of(())

    def read(part: Part) -> NodeLogs:
        ended = python(program(SCAN, order(query, services, top=str(part.top))), environment)
        return _answer(part.node, ended, query, (0.0, 0.0))

    return tuple(each(read, parts).values())


def order(
    query: LogQuery, services: Sequence[LogService], *, top: str = TOP, asked: float = 0.0, journal: bool | None = None
) -> dict[str, Any]:
    """Return what the program is asked for a query; ``logs_scan.Order`` says what each word means."""
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
        "journal": bool(asked) if journal is None else journal,
    }


def _of_node(
    node: NodeName, answer: Completed | StackmendError, query: LogQuery, asked: tuple[float, float]
) -> NodeLogs:
    if isinstance(answer, StackmendError):
        return NodeLogs(node, silent=answer.sentence)
    return _answer(node, Ended(answer.status, answer.stdout, answer.stderr), query, asked)


def _answer(node: NodeName, ended: Ended, query: LogQuery, asked: tuple[float, float]) -> NodeLogs:
    lines = ended.stdout.splitlines()
    if ended.status or not lines:
        said = [line for line in ended.stderr.splitlines() if line.strip()]
        return NodeLogs(node, silent=f"its logs could not be read: {said[-1] if said else 'it said nothing'}")
    *found, last = (json.loads(line) for line in lines)
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


__all__ = ["SLACK", "order", "read_bundle", "read_nodes", "record"]
