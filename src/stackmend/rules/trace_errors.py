"""Errors in records: what was raised, whether it was raised elsewhere, and whether one record repeats another's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from stackmend.domain.log_record import LogRecord
from stackmend.rules.logs_lines import grave

TRACEBACK = "Traceback (most recent call last):"
SKEW = timedelta(seconds=1)
"""By so much the clocks of two nodes may differ unnoticed."""
TELLING = 12
"""Characters of a message that no two errors share by chance."""
LONGEST = 400
"""Characters of what was raised that are shown."""

FOLLOWING = (
    "Error from last host:",
    "Exceeded maximum number of retries",
    "Exceeded max scheduling attempts",
    "Exhausted all hosts available for retrying",
    "Setting instance to ERROR state",
    "was re-scheduled:",
    "Failed to compute_task_",
)
"""What nova says only after something else went wrong."""

INCIDENTAL = ("KeyError", "AttributeError", "IndexError", "StopIteration", "LookupError")
"""What is often raised on the way, and handled by trying something else, which then failed."""

_RAISED = re.compile(r"(?P<name>(?:\w+\.)+\w+|[A-Z]\w*|\w+(?:Error|Exception))(?:: *(?P<message>.*))?")
_REMOTE = re.compile(r"\w_Remote\b|\bRemote error: |\bRemoteError\b")
_MANAGER = re.compile(r'File "[^"]*/(nova|cinder|neutron|manila|heat|ironic|masakari|octavia)/(\w+)/manager\.py"')
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_TO_TELL = ("Stderr:", "stderr:")


@dataclass(frozen=True)
class Raised:
    """An exception in a record.

    Attributes:
        name: its class, without module, and without what marks it as another process's.
        message: the first line of what it says.
        more: what follows of it, until the traceback goes on.
    """

    name: str
    message: str
    more: tuple[str, ...] = ()

    def __str__(self) -> str:
        stderr = [line.strip() for line in self.more if line.startswith(_TO_TELL)]
        said = " ".join([self.message, *stderr]).strip()
        return (f"{self.name}: {said}" if said else self.name)[:LONGEST]


def is_error(record: LogRecord) -> bool:
    """Return whether a record tells an error: by its level, or by a traceback in a warning."""
    return grave(record.level, "ERROR") or (record.level == "WARNING" and TRACEBACK in record.text)


def raised(record: LogRecord) -> tuple[Raised, ...]:
    """Return the exceptions of a record's tracebacks, the first one raised first."""
    found: list[Raised] = []
    inside = False
    for line in record.text.split("\n")[1:]:
        if line.startswith(TRACEBACK):
            inside = True
        elif inside and line and not line[0].isspace():
            match = _RAISED.fullmatch(line.rstrip())
            if match:
                name = match["name"].rpartition(".")[2].removesuffix("_Remote")
                found.append(Raised(name, (match["message"] or "").strip()))
                inside = False
        elif found and not inside and line:
            found[-1] = Raised(found[-1].name, found[-1].message, (*found[-1].more, line))
    return tuple(found)


def headline(record: LogRecord) -> str:
    """Return in one line what a record says: the exception that began it, or its own first line."""
    exceptions = raised(record)
    first = record.text.partition("\n")[0].strip()
    if not exceptions:
        return first[:LONGEST]
    return str(next((one for one in exceptions if one.name not in INCIDENTAL), exceptions[-1]))


def elsewhere(record: LogRecord) -> bool:
    """Return whether what it tells was raised in another process, which answered by it."""
    return _REMOTE.search(record.text) is not None


def follows_only(record: LogRecord) -> bool:
    """Return whether it says by its words that something else went wrong before."""
    return any(phrase in record.text for phrase in FOLLOWING)


def raised_by(record: LogRecord) -> str:
    """Return the service in which an error of another process was raised, by its traceback; empty where it tells none.

    The frames of a service's RPC endpoint are in its ``manager.py``: ``nova/scheduler/manager.py`` is nova-scheduler's.
    """
    frames: list[tuple[str, str]] = []
    theirs = False
    for line in record.text.split("\n"):
        if line and not line[0].isspace() and not line.startswith(TRACEBACK):
            theirs = _REMOTE.search(line) is not None
        elif theirs:
            frames += _MANAGER.findall(line)
    return "-".join(frames[-1]) if frames else ""


def repeats(record: LogRecord, other: LogRecord) -> bool:
    """Return whether a record repeats what another one told: an exception's message, or its whole first line."""
    for exception in raised(other):
        if len(exception.message) >= TELLING and exception.message in record.text:
            return True
        if exception in raised(record):
            return True
    first = other.text.partition("\n")[0].strip()
    return len(first) >= 2 * TELLING and first in record.text


def not_before(record: LogRecord, other: LogRecord) -> bool:
    """Return whether a record may be later than another, as far as the nodes' clocks tell."""
    return record.time >= other.time or (record.node != other.node and record.time + SKEW >= other.time)


def names(record: LogRecord) -> set[str]:
    """Return the UUIDs in what a record says."""
    return set(_UUID.findall(record.text))
