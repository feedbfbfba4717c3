"""Records of the services' logs, groups of alike errors, and what was read on a node."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from stackmend.domain.values import NodeName


@dataclass(frozen=True)
class LogQuery:
    """Which records are wanted; what is empty does not matter. All conditions hold at once.

    Attributes:
        requests: request ids or global request ids; a record has one of them anywhere.
        instances: UUIDs; a record has one of them anywhere.
        texts: fixed strings; a record has all of them.
        services: such as ``nova`` or ``nova-compute``.
        level: the least one, such as ``WARNING``.
        since: the earliest time.
        until: the latest time.
        errors: whether alike errors are grouped on the node, and only the groups travel.
        limit: the most records, or groups, of one node; the newest are kept.
    """

    requests: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    level: str = ""
    since: datetime | None = None
    until: datetime | None = None
    errors: bool = False
    limit: int = 5000


@dataclass(frozen=True)
class LogRecord:
    """One record, with all of its lines.

    Attributes:
        time: when it was written, by this machine's clock.
        node: where.
        service: the process that wrote it, as its file or unit is named: ``nova-compute``.
        level: DEBUG, INFO, WARNING, ERROR or CRITICAL; empty where the log tells none.
        logger: the Python module, or what other logs have in its place; may be empty.
        process: id of the process; 0 where the log tells none.
        request: request id; empty for none.
        global_request: id of the request of another service that this one was made for; empty for none.
        instance: UUID; empty for none.
        text: the message; a traceback's lines follow it without their prefix. Secrets are masked.
        source: path of the file, or ``journal``.
    """

    time: datetime
    node: NodeName
    service: str
    level: str
    logger: str
    process: int
    request: str
    global_request: str
    instance: str
    text: str
    source: str


@dataclass(frozen=True)
class LogGroup:
    """Records that say the same, but for names and numbers.

    Attributes:
        service: which wrote them.
        level: of them.
        logger: of them.
        template: the message's first line, its variable parts replaced.
        count: how many there are.
        first: time of the first.
        last: time of the last.
        nodes: where.
        example: text of the last one; long ones are cut.
    """

    service: str
    level: str
    logger: str
    template: str
    count: int
    first: datetime
    last: datetime
    nodes: tuple[NodeName, ...]
    example: str


@dataclass(frozen=True)
class NodeLogs:
    """What reading the logs of a node gave.

    Attributes:
        node: which.
        records: in the order of time.
        groups: instead of records, where errors are grouped.
        matched: how many records, or groups, there are on the node; more than came where it was cut.
        files: how many files and journals were read.
        offset: seconds that the node's clock is ahead of this machine's; 0 where no difference is proved.
        uncertainty: by how many seconds the offset may be wrong.
        unread: a sentence for each file or journal that could not be read, or not as a whole.
        silent: why the node could not be read; empty where it was.
    """

    node: NodeName
    records: tuple[LogRecord, ...] = ()
    groups: tuple[LogGroup, ...] = ()
    matched: int = 0
    files: int = 0
    offset: float = 0.0
    uncertainty: float = 0.0
    unread: tuple[str, ...] = ()
    silent: str = ""


@dataclass(frozen=True)
class LogService:
    """A service's logs on a node.

    Attributes:
        name: such as ``nova``.
        directories: below ``/var/log`` where its files are; the first that has any is read.
        units: patterns of its units in the journal, which is read where there is no file.
    """

    name: str
    directories: tuple[str, ...]
    units: tuple[str, ...] = field(default=())
