"""Whole records out of the lines of a log. Runs on nodes too, by itself: Python 3.8 and its library are enough.

A record is a line with a time stamp, the plain lines after it, and the lines of a traceback, which repeat the stamp,
the process and the logger. Processes that share a file may write between them.
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from stackmend.facts.logs_files import Region, View, hits, line_at, line_before, regions
from stackmend.rules.logs_lines import Line, begins, parse, repeated, traced

MOST_LINES = 2000
MOST_BYTES = 1 << 17
"""Of one record; what is longer is a dump."""
FAR = 1 << 13
"""Bytes that other processes may write between two lines of a traceback."""
NEAR = 1 << 16
"""Bytes within which the first line since a time is looked for one by one."""
UP = 400
"""Lines that are gone up from a hit to the beginning of its record."""


class Record(NamedTuple):
    """A record as it is in a file.

    Attributes:
        head: what its first line says.
        raw: all of its lines, as they are.
        rest: the lines after the first, of a traceback without what each of them repeats.
        offset: where it begins.
    """

    head: Line
    raw: bytes
    rest: tuple[str, ...]
    offset: int


class Moments:
    """Time stamps in seconds since the epoch.

    Args:
        zone: of those that name none, such as ``Asia/Tokyo``; empty for this machine's own.
    """

    def __init__(self, zone: str = "") -> None:
        self._zone = zone
        self._known: dict[tuple[str, str], float] = {}

    def of(self, line: Line) -> float:
        """Return the time of a line.

        Raises:
            ValueError: it is no time.
        """
        key = (line.second, line.zone)
        if key not in self._known:
            if len(self._known) > 100000:  # noqa: PLR2004 - about a day
                self._known.clear()
            self._known[key] = _epoch(line.second, line.zone, self._zone)
        return self._known[key] + line.fraction


def records(path: Path, region: Region, strings: list[str]) -> Iterator[Record]:
    """Yield the records of a region that have, in any of their lines, one of the strings; all where there are none."""
    taken: set[int] = set()
    for offset, text in hits(path, region, strings):
        if offset < region.start or offset in taken:
            continue
        record = _record(region.view, offset, text)
        if record is None:
            continue
        found, rest = record
        if found.offset not in taken and not _earlier(region, strings, {found.offset, *rest}):
            yield found
        taken = {each for each in taken if each > offset} | rest | {found.offset}


def heads(region: Region, found_lines: Iterable[tuple[int, bytes]]) -> Iterator[Record]:
    """Yield the records that lines of a region belong to, but their first lines only; faster where there are many.

    Args:
        region: of a file.
        found_lines: offset and text of each, as ``hits`` gives them.
    """
    prefix = b""
    seen: set[int] = set()
    for offset, text in found_lines:
        if offset < region.start or (prefix and text.startswith(prefix) and said_after(text, prefix) is not None):
            continue
        decoded = text.decode(errors="replace")
        head = parse(decoded)
        if head is None or head.traceback:
            record = _record(region.view, offset, text)
            if record is None or record[0].offset in seen:
                continue
            found = record[0]
        else:
            found = Record(head, text, (), offset)
            prefix = repeated(head, decoded).encode()
        if len(seen) > UP:
            seen = {each for each in seen if each > offset - (FAR + MOST_BYTES)}
        seen.add(found.offset)
        yield found


def completed(path: Path, record: Record) -> Record:
    """Return a record of ``heads`` with all of its lines; as it is, where the file is no longer what it was.

    Raises:
        OSError: the file cannot be read.
    """
    first = record.raw.split(b"\n", 1)[0]
    for region in regions(path):
        if line_at(region.view, record.offset) == first:
            return _with_rest(region.view, record.offset, first, record.head)[0]
    return record


def _earlier(region: Region, strings: list[str], lines: set[int]) -> bool:
    """Return whether a record was yielded with the region before: one of its lines there has one of the strings."""
    before = [line_at(region.view, line) for line in lines if line < region.start]
    return any(not strings or any(text.encode() in line for text in strings) for line in before)


def _record(view: View, offset: int, text: bytes) -> tuple[Record, set[int]] | None:
    head = parse(text.decode(errors="replace"))
    if head is None or head.traceback:
        above = _above(view, offset, head)
        if above >= 0:
            offset = above
            text = line_at(view, offset)
            head = parse(text.decode(errors="replace"))
        elif head is None:
            return None
    if head is None:
        return None
    return _with_rest(view, offset, text, head)


def _above(view: View, offset: int, wanted: Line | None) -> int:
    """Return where the record of a line begins; -1 where that is not found."""
    for _ in range(UP):
        offset = line_before(view, offset)
        if offset < 0:
            return -1
        line = parse(line_at(view, offset).decode(errors="replace"))
        if line is None:
            continue
        if wanted is None:
            if not line.traceback:
                return offset
            wanted = line
        elif not line.traceback and wanted.follows(line):
            return offset
        elif (line.second, line.fraction) < (wanted.second, wanted.fraction):
            return -1
    return -1


def _with_rest(view: View, offset: int, text: bytes, head: Line) -> tuple[Record, set[int]]:
    raw, rest, taken = [text], [], set()
    prefix = repeated(head, text.decode(errors="replace")).encode()
    at, size = offset + len(text) + 1, len(text)
    while at < len(view) and len(raw) < MOST_LINES and size < MOST_BYTES:
        text = line_at(view, at)
        said = said_after(text, prefix)
        if said is None:
            at = view.find(b"\n" + prefix, at, at + FAR) + 1 if prefix else 0
            if at <= 0 or said_after(line_at(view, at), prefix) is None:
                break
            continue
        raw.append(text)
        rest.append(said)
        taken.add(at)
        size += len(text)
        at += len(text) + 1
    return Record(head, b"\n".join(raw), tuple(rest), offset), taken


def said_after(text: bytes, prefix: bytes) -> str | None:
    """Return what a line says that goes on with a record; None for one that does not."""
    if prefix and text.startswith(prefix):
        return traced(text[len(prefix) :].decode(errors="replace"))
    decoded = text.decode(errors="replace")
    return None if begins(decoded) else decoded


def joined(lines: Iterable[tuple[Line | None, str]]) -> Iterator[Record]:
    """Yield the records of one process's lines, each with what it says; their offset is the number of the line."""
    head: Line | None = None
    raw: list[str] = []
    rest: list[str] = []
    began = 0
    for number, (line, text) in enumerate(lines):
        if head is not None and (line is None or line.follows(head)) and len(raw) < MOST_LINES:
            rest.append(text if line is None else line.message)
            raw.append(text)
            continue
        if head is not None:
            yield Record(head, "\n".join(raw).encode(), tuple(rest), began)
        head, raw, rest, began = line, [text], [], number
    if head is not None:
        yield Record(head, "\n".join(raw).encode(), tuple(rest), began)


def only_oslo(region: Region) -> bool:
    """Return whether nothing but oslo.log and uWSGI seems to write there, as far as its beginning tells."""
    lines = bytes(region.view[region.start : region.start + NEAR]).decode(errors="replace").split("\n")
    kinds = {line.oslo or line.logger == "uwsgi" for line in map(parse, lines[:100]) if line is not None}
    return kinds == {True}


def first_since(region: Region, moments: Moments, since: float) -> Region:
    """Return the region from about the first line that is not older than a time; a log is in the order of time."""
    low, high = region.start, region.stop
    while high - low > NEAR:
        middle = (low + high) // 2
        begin = region.view.find(b"\n", middle, high) + 1
        found = _stamped(region.view, begin, high) if begin else None
        if found is None or moments.of(found) >= since:
            high = middle
        else:
            low = begin
    return region._replace(start=low)


def _stamped(view: View, offset: int, stop: int) -> Line | None:
    """Return the first line with a time stamp from an offset on."""
    while offset < stop:
        text = line_at(view, offset)
        line = parse(text.decode(errors="replace"))
        if line is not None:
            return line
        offset += len(text) + 1
    return None


def _epoch(second: str, zone: str, usual: str) -> float:
    date, clock = second.split(" ")
    year, month, day = (int(part) for part in date.split("-"))
    hour, minute, whole = (int(part) for part in clock.split(":"))
    if not zone and not usual:
        return time.mktime((year, month, day, hour, minute, whole, 0, 0, -1))
    if not zone and usual != "UTC":
        from zoneinfo import ZoneInfo  # noqa: PLC0415 - a node's Python may have none, and is not asked for it

        return datetime(year, month, day, hour, minute, whole, tzinfo=ZoneInfo(usual)).timestamp()
    utc = float(calendar.timegm((year, month, day, hour, minute, whole)))
    if zone in {"", "Z"}:
        return utc
    ahead = (int(zone[1:3]) * 60 + int(zone[-2:])) * 60
    return utc - ahead if zone[0] == "+" else utc + ahead
