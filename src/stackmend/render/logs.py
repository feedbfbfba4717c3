"""Records of logs on the screen: a line each, coloured by service on a terminal, or JSON."""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Iterable
from datetime import datetime

from stackmend.domain.log_record import LogGroup, LogRecord
from stackmend.render.output import data_of

PALETTE = (36, 32, 35, 34, 96, 92, 95, 94, 33, 93)
GRAVE = {"WARNING": "33", "ERROR": "1;31", "CRITICAL": "1;37;41"}
INDENT = "    "


def show_record(record: LogRecord, form: str) -> None:
    """Write one record to standard output, as ``text`` or as one line of JSON."""
    print(json.dumps(data_of(record), ensure_ascii=False) if form == "json" else _record_text(record), flush=True)


def show_records(records: Iterable[LogRecord], form: str) -> None:
    """Write records to standard output, in the order given."""
    for record in records:
        print(json.dumps(data_of(record), ensure_ascii=False) if form == "json" else _record_text(record))


def show_groups(groups: Iterable[LogGroup], form: str) -> None:
    """Write groups to standard output, in the order given."""
    for group in groups:
        print(json.dumps(data_of(group), ensure_ascii=False) if form == "json" else _group_text(group))


def show_remark(sentence: str, form: str) -> None:
    """Write what a person must know of the answer to standard error."""
    sentence = printable(sentence)
    print(json.dumps({"remark": sentence}, ensure_ascii=False) if form == "json" else sentence, file=sys.stderr)


def printable(text: str) -> str:
    """Return text without what a terminal would obey; its lines and tabs stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


def _record_text(record: LogRecord) -> str:
    request = f"[{record.global_request} {record.request}] " if record.global_request else ""
    request = request or (f"[{record.request}] " if record.request else "")
    instance = f"[instance: {record.instance}] " if record.instance else ""
    first, *rest = printable(record.text).split("\n")
    beginning = f"{_time(record.time)} {record.node} {_service(record.service)} {_level(record.level)}"
    logger = f" {record.logger}" if record.logger else ""
    return "\n".join([f"{beginning}{logger} {request}{instance}{first}", *(INDENT + line for line in rest if line)])


def _group_text(group: LogGroup) -> str:
    times = "times" if group.count != 1 else "time"
    lines = printable(group.example).rstrip().split("\n")
    shown = [lines[0]] + ([lines[-1]] if len(lines) > 1 else [])
    where = ", ".join(group.nodes)
    head = f"{group.count} {times}  {_service(group.service)} {_level(group.level)} {group.logger}".rstrip()
    return "\n".join(
        [
            f"{head} on {where}",
            f"{INDENT}{printable(group.template)}",
            f"{INDENT}first {_time(group.first)}, last {_time(group.last)}:",
            *(f"{INDENT}  {line}" for line in shown),
        ]
    )


def _time(moment: datetime) -> str:
    return moment.isoformat(" ", "milliseconds").replace("+00:00", "Z")


def _service(name: str) -> str:
    return _coloured(name, str(PALETTE[zlib.crc32(name.encode()) % len(PALETTE)]))


def _level(level: str) -> str:
    return _coloured(level, GRAVE[level]) if level in GRAVE else level or "-"


def _coloured(text: str, colour: str) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if sys.stdout.isatty() else text
