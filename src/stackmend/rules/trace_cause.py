"""Where it went wrong: the first error that is a cause, and not an echo of one.

An error is an echo where another process raised it (oslo.messaging marks that), where its words say that something
else went wrong before, or where it repeats an error that another hop, or the same one, had told before. Of what is
left, the one that others repeat is what became of the command; an earlier error of another project in the same request
is what it came from, since nova works by asking the others. Where all errors are echoes, the traceback that came with
one names the service in which it was raised, and what that wrote before is the evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stackmend.domain.log_record import LogRecord
from stackmend.domain.trace import Link
from stackmend.rules.trace_errors import (
    elsewhere,
    follows_only,
    headline,
    is_error,
    names,
    not_before,
    raised,
    raised_by,
    repeats,
)
from stackmend.rules.trace_hops import place

BEFORE = 3
"""Records of the same hop and request before the cause that are shown."""


@dataclass(frozen=True)
class Cause:
    """The first error that is a cause.

    Attributes:
        service: in which it was.
        node: on which; empty where the service wrote nothing.
        record: that tells it; of what was raised elsewhere and not written there, the echo.
        chain: the cause, and the first error of each hop after it.
        evidence: the records that show it.
        written: whether the service itself wrote it as an error.
    """

    service: str
    node: str
    record: LogRecord
    chain: tuple[Link, ...]
    evidence: tuple[LogRecord, ...]
    written: bool


def cause_of(records: Sequence[LogRecord]) -> Cause | None:
    """Return the cause that the records of a command tell, which are in the order of time; None for no error."""
    errors = [record for record in records if is_error(record)]
    own = [error for error in errors if not echoes(error, errors)]
    if own:
        return _written(_first(own, errors), records, errors)
    return _unwritten(errors, records) if errors else None


def echoes(error: LogRecord, errors: Sequence[LogRecord]) -> bool:
    """Return whether an error is an echo of one of the others, or of one that was not written down."""
    if elsewhere(error):
        return True
    if follows_only(error) and len(errors) > 1:
        return True
    at = errors.index(error)
    return any(
        repeats(error, other) and not_before(error, other) and not (at < number and repeats(other, error))
        for number, other in enumerate(errors)
        if number != at and not elsewhere(other) and not follows_only(other)
    )


def _first(own: Sequence[LogRecord], errors: Sequence[LogRecord]) -> LogRecord:
    """Return the cause among errors that are no echoes."""
    repeated = [each for each in own if any(_echo_of(error, each) for error in errors)]
    became = (repeated or own)[0]
    for each in own:
        if each.time < became.time and _project(each) != _project(became) and _of_one_request(each, became):
            return each
    return _telling(became, own)


def _telling(cause: LogRecord, own: Sequence[LogRecord]) -> LogRecord:
    """Return, of the errors of the cause's hop and request, the first with an exception: it says why."""
    same = [each for each in own if place(each) == place(cause) and each.request == cause.request]
    return next((each for each in (cause, *same) if raised(each)), cause)


def _echo_of(error: LogRecord, cause: LogRecord) -> bool:
    return place(error) != place(cause) and repeats(error, cause)


def _of_one_request(earlier: LogRecord, later: LogRecord) -> bool:
    """Return whether the earlier one was written on behalf of the later one's request, or of the same thing."""
    ids = {later.request, later.global_request} - {""}
    return bool({earlier.request, earlier.global_request} & ids) or bool(names(earlier) & names(later))


def _project(record: LogRecord) -> str:
    return record.service.partition("-")[0]


def _written(cause: LogRecord, records: Sequence[LogRecord], errors: Sequence[LogRecord]) -> Cause:
    chain = [_link(cause)]
    seen = {place(cause)}
    for error in errors:
        if place(error) not in seen and not_before(error, cause) and error is not cause:
            seen.add(place(error))
            chain.append(_link(error))
    evidence = (*_before(cause, records), cause)
    return Cause(cause.service, str(cause.node), cause, tuple(chain), evidence, written=True)


def _unwritten(errors: Sequence[LogRecord], records: Sequence[LogRecord]) -> Cause:
    echo = errors[0]
    service = raised_by(echo)
    there = [record for record in records if record.service.startswith(service) and not_before(echo, record)]
    if not service or not there:
        chain = tuple(_link(error) for error in _one_a_hop(errors))
        where = (service, "") if service else place(echo)
        return Cause(*where, echo, chain, (*_before(echo, records), echo), written=not service)
    last = there[-1]
    chain = tuple(_link(record) for record in (last, *_one_a_hop(errors)))
    return Cause(last.service, str(last.node), echo, chain, (*there[-BEFORE:], echo), written=False)


def _one_a_hop(errors: Sequence[LogRecord]) -> list[LogRecord]:
    return list({place(error): error for error in reversed(errors)}.values())[::-1]


def _before(cause: LogRecord, records: Sequence[LogRecord]) -> list[LogRecord]:
    same = [
        record
        for record in records
        if place(record) == place(cause) and record.request == cause.request and record.time <= cause.time
    ]
    return [record for record in same if record is not cause][-BEFORE:]


def _link(record: LogRecord) -> Link:
    return Link(record.time, f"{record.service} on {record.node}", headline(record))
