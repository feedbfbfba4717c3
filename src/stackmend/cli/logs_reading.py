"""What ``stackmend logs`` does: ask, read, show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stackmend.cli.context import CloudChoice, open_world
from stackmend.domain.log_record import LogQuery, NodeLogs
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Exit, Failed, Refused, UsageError
from stackmend.render.logs import show_groups, show_record, show_records, show_remark
from stackmend.rules.logs_merge import grouped, origins, remarks, time_line

NOTHING_FOUND = 1
USUAL = timedelta(hours=1)


@dataclass(frozen=True)
class Asked:
    """The options of the command, by their names."""

    requests: tuple[str, ...]
    instances: tuple[str, ...]
    texts: tuple[str, ...]
    services: tuple[str, ...]
    nodes: tuple[str, ...]
    level: str | None
    since: datetime | None
    until: datetime | None
    errors: bool
    follow: bool
    bundle: Path | None
    zone: str
    limit: int
    timeout: float
    form: str

    def query(self) -> LogQuery:
        """Return what is looked for.

        Raises:
            UsageError: it cannot be looked for.
        """
        if "" in {*self.requests, *self.instances, *self.texts, *self.services}:
            raise UsageError(Code.USAGE, "an empty text is looked for, which is everywhere")
        whole = self.bundle is not None or self.follow or self.requests or self.instances or self.since
        return LogQuery(
            requests=self.requests,
            instances=self.instances,
            texts=self.texts,
            services=self.services,
            level=(self.level or ("ERROR" if self.errors else "")).upper(),
            since=self.since if whole else datetime.now(UTC) - USUAL,
            until=self.until,
            errors=self.errors,
            limit=self.limit,
        )


def show_logs(choice: CloudChoice, asked: Asked) -> int:
    """Show what is asked for, and return the exit status.

    Raises:
        UsageError: the words do not fit together.
        Refused: NODE_UNKNOWN, LOGS_MISSING, and those of the inventory.
        Failed: LOGS_UNREAD: no node could be read.
    """
    query = asked.query()
    if asked.follow:
        return _follow(choice, asked, query)
    reads = _bundle(asked, query) if asked.bundle else _nodes(choice, asked, query)
    for sentence in remarks(reads):
        show_remark(sentence, asked.form)
    if all(read.silent for read in reads):
        raise Failed(
            Code.LOGS_UNREAD,
            "no node's logs could be read",
            evidence={str(read.node): read.silent for read in reads},
        )
    return _show(reads, asked)


def _show(reads: Sequence[NodeLogs], asked: Asked) -> int:
    if asked.errors:
        groups = grouped(reads)
        show_groups(groups, asked.form)
        found = bool(groups)
    else:
        records = time_line(reads)
        show_records(records, asked.form)
        found = bool(records)
        others = origins(records, asked.requests)
        if others:
            show_remark(f"made for {', '.join(others[:3])}; see all of that by --request {others[0]}", asked.form)
    if not found:
        files, nodes = sum(read.files for read in reads), sum(not read.silent for read in reads)
        show_remark(f"nothing was found; {files} files and journals of {nodes} nodes were looked at", asked.form)
    return Exit.DONE if found else NOTHING_FOUND


def _nodes(choice: CloudChoice, asked: Asked, query: LogQuery) -> Sequence[NodeLogs]:
    from stackmend.facts.logs import read_nodes  # noqa: PLC0415 - late: a bundle needs no clients

    with open_world(choice) as world:
        return read_nodes(world, query, _chosen(list(world.inventory.nodes), asked.nodes), timeout=asked.timeout)


def _bundle(asked: Asked, query: LogQuery) -> Sequence[NodeLogs]:
    from stackmend.facts.logs_bundle import parts_of, read_bundle  # noqa: PLC0415

    parts = parts_of(asked.bundle or Path())
    chosen = _chosen([part.node for part in parts], asked.nodes)
    return read_bundle([part for part in parts if part.node in chosen], query, zone=asked.zone)


def _follow(choice: CloudChoice, asked: Asked, query: LogQuery) -> int:
    from stackmend.facts.logs_following import follow  # noqa: PLC0415

    if asked.bundle or asked.errors or asked.since or asked.until:
        raise UsageError(Code.USAGE, "--follow shows new records only: no --bundle, --errors, --since or --until")
    with open_world(choice) as world:
        for event in follow(world, query, _chosen(list(world.inventory.nodes), asked.nodes)):
            if not isinstance(event, NodeLogs):
                show_record(event, asked.form)
                continue
            for sentence in remarks([event]) or [f"{event.node} is read"]:
                show_remark(sentence, asked.form)
    return Exit.DONE


def _chosen(known: Sequence[NodeName], asked: Sequence[str]) -> list[NodeName]:
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise Refused(
            Code.NODE_UNKNOWN, f"there is no node {unknown[0]}", hint="known nodes: " + ", ".join(sorted(known))
        )
    return [node for node in known if not asked or node in asked]
