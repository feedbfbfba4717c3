"""The answer to a traced command, as text or JSON; and records as they are written."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TextIO

from stackmend.domain.log_record import LogRecord
from stackmend.domain.trace import Call, Hop, Link, Trace
from stackmend.render.logs import printable
from stackmend.render.output import data_of

INDENT = "  "
ENDS = (2, 12)
"""Lines of a long record that are shown: of its beginning and of its end."""
WIDEST = 400
"""Characters of a line that are shown."""
MOST_CALLS = 40


def show_trace(trace: Trace, form: str, stream: TextIO) -> None:
    """Write the answer, as ``text`` or ``json``."""
    if form == "json":
        print(json.dumps(data_of(trace), indent=2, ensure_ascii=False), file=stream)
    else:
        print("\n".join(map(printable, _lines(trace))), file=stream)
    stream.flush()


def show_live(record: LogRecord) -> None:
    """Write a record to standard error at once."""
    print("\n".join(_record(record)), file=sys.stderr, flush=True)


def show_live_remark(sentence: str) -> None:
    """Write what is so of a node that is followed to standard error."""
    print(printable(sentence), file=sys.stderr, flush=True)


def _lines(trace: Trace) -> Iterator[str]:
    command, conclusion = trace.command, trace.conclusion
    took = (command.ended - command.began).total_seconds()
    yield f"trace: {shlex.join(command.words)} ended with {command.status} after {took:.1f} s"
    yield ""
    yield conclusion.sentence
    yield from _part("From the cause to what was seen:", list(_chain(conclusion.chain)))
    shown = [line for record in conclusion.evidence for line in _record(record)]
    yield from _part("The records that show it:", shown)
    yield from _part("Calls:", list(_calls(trace.calls)))
    yield from _part("Services that worked for it:", list(map(_hop, trace.hops)))
    yield from _part("What is not known:", list(trace.remarks))


def _part(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield title
        yield from (INDENT + line for line in lines)


def _chain(chain: Sequence[Link]) -> Iterator[str]:
    wide = max((len(link.place) for link in chain), default=0)
    for link in chain:
        yield f"{_time(link.time)}  {link.place:{wide}}  {link.text}"


def _calls(calls: Sequence[Call]) -> Iterator[str]:
    for call in calls[-MOST_CALLS:]:
        status = str(call.status or call.error or "-")
        yield f"{_time(call.time)}  {status}  {call.service}: {call.method} {call.url}  {call.request}".rstrip()
    if len(calls) > MOST_CALLS:
        yield f"and {len(calls) - MOST_CALLS} before"


def _hop(hop: Hop) -> str:
    counted = f"{hop.records} record" + ("s" if hop.records != 1 else "")
    errors = f", {hop.errors} of them errors" if hop.errors else ""
    worst = f", the worst {hop.level}" if hop.level else ""
    return f"{_time(hop.first)} to {_time(hop.last)}  {hop.service} on {hop.node}: {counted}{errors}{worst}"


def _record(record: LogRecord) -> list[str]:
    first, *rest = [line[:WIDEST] for line in printable(record.text).split("\n") if line.strip()] or [""]
    head, tail = ENDS
    if len(rest) > head + tail:
        rest = [*rest[:head], "[…]", *rest[-tail:]]
    logger = f" {record.logger}" if record.logger else ""
    request = f" [{record.request}]" if record.request else ""
    level = record.level or "-"
    beginning = f"{_time(record.time)} {record.node} {record.service} {level}{logger}{request}"
    return [f"{beginning} {first}", *(INDENT * 2 + line for line in rest)]


def _time(moment: datetime) -> str:
    return moment.strftime("%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
