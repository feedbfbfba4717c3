"""What a command met in the cloud: its calls, the services that worked on them, and where it went wrong."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from stackmend.domain.log_record import LogRecord
from stackmend.domain.values import NodeName


class Way(enum.StrEnum):
    """How the request ids of a command were learnt."""

    TOLD = "told"  # by the command itself, a Python program
    ADDRESS = "address"  # from the services' logs, by this machine's address and the time
    NONE = "none"


@dataclass(frozen=True)
class Ended:
    """A command that has ended.

    Attributes:
        words: the command line; its secrets are masked.
        status: its exit status; 128 and the signal's number where a signal ended it, as a shell gives it.
        began: when it was started.
        ended: when it had ended.
    """

    words: tuple[str, ...]
    status: int
    began: datetime
    ended: datetime


@dataclass(frozen=True)
class Call:
    """One request of a command to an API.

    Attributes:
        time: when it was sent, or when the service noted it.
        method: such as GET; empty where only its id is known.
        url: without query; of what the logs told, the path alone.
        status: HTTP status of the answer; 0 where there was none, or it is not known.
        request: request id; empty where the answer, or the log, had none.
        service: the project that answers there, such as ``nova``; host and port where that is not known.
        error: the class of the error where nothing answered; empty otherwise.
    """

    time: datetime
    method: str
    url: str
    status: int
    request: str
    service: str
    error: str = ""


@dataclass(frozen=True)
class Hop:
    """A service on a node that worked for the command.

    Attributes:
        service: as its log is named: ``nova-compute``.
        node: where.
        first: time of its first record.
        last: time of its last one.
        records: how many there are.
        errors: how many of them are errors.
        level: the worst one.
        requests: the ids under which it worked.
    """

    service: str
    node: NodeName
    first: datetime
    last: datetime
    records: int
    errors: int
    level: str
    requests: tuple[str, ...]


@dataclass(frozen=True)
class Link:
    """A step of the chain from the cause to what the caller saw.

    Attributes:
        time: when.
        place: service and node, or what else it was.
        text: what it said, one line.
    """

    time: datetime
    place: str
    text: str


@dataclass(frozen=True)
class Conclusion:
    """Where it went wrong.

    Attributes:
        sentence: what is so.
        service: of the hop where it began; empty where no hop is to blame.
        node: of that hop; empty where it is not known.
        cause: the record that shows it; None where nothing was written.
        chain: from the cause to the caller.
        evidence: the records that show it, in the order of time.
        wrong: whether anything went wrong.
    """

    sentence: str
    service: str = ""
    node: str = ""
    cause: LogRecord | None = None
    chain: tuple[Link, ...] = ()
    evidence: tuple[LogRecord, ...] = ()
    wrong: bool = True


@dataclass(frozen=True)
class Trace:
    """The whole answer.

    Attributes:
        command: what was run.
        way: how its requests were learnt.
        global_request: the id that it was given for all of its calls.
        calls: in the order of time.
        hops: in the order of their first records.
        conclusion: where it went wrong.
        remarks: what could not be learnt or read, a sentence each.
    """

    command: Ended
    way: Way
    global_request: str
    calls: tuple[Call, ...]
    hops: tuple[Hop, ...]
    conclusion: Conclusion
    remarks: tuple[str, ...]
