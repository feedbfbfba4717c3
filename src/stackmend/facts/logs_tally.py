"""Count records by their template, without taking each one apart. Runs on nodes too, by itself.

Of a group only how many, the first and the last matter, and a log is in the order of time: so the usual record of
oslo.log is looked at by one expression, and what that does not understand is left to be read in full.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from stackmend.facts.logs_files import Region, hits
from stackmend.facts.logs_records import Record, heads, said_after
from stackmend.rules.logs_lines import LEVELS, grave, parse
from stackmend.rules.logs_templates import Templates

_USUAL = re.compile(
    rb"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \d+ )(DEBUG|INFO|WARNING|ERROR|CRITICAL) ([^\s\[]+) "
    rb"\[(?:-|(?:None|-|req-[^\s\]]+) [^\]]*)\] (?:\[instance: [^\]]*\] )?(.*)",
    re.DOTALL,
)


class Tally:
    """The groups of one file.

    Attributes:
        counts: how many there are, by level, logger and template.
        ends: of each, offset and text of the first line of the first and of the last.
        rest: records that are not of the usual form.
    """

    def __init__(self, path: Path, region: Region, strings: list[str], least: str) -> None:
        self.ends: dict[tuple[bytes, bytes, str], list[tuple[int, bytes]]] = {}
        self.counts: dict[tuple[bytes, bytes, str], int] = {}
        self.rest: list[Record] = []
        self._templates = Templates()
        self._levels = {level.encode() for level in LEVELS if grave(level, least)}
        self._count(path, region, strings)

    def _count(self, path: Path, region: Region, strings: list[str]) -> None:
        prefix = b""
        odd: list[tuple[int, bytes]] = []
        for offset, text in hits(path, region, strings):
            if prefix and text.startswith(prefix) and said_after(text, prefix) is not None:
                continue
            found = _USUAL.match(text)
            if found is None:
                odd.append((offset, text))
                continue
            beginning, level, logger, message = found.groups()
            prefix = beginning + b"ERROR " + logger + b" "
            if level in self._levels:
                self._add((level, logger, self._templates.of(message.decode(errors="replace"))), (offset, text))
        wanted = [string.encode() for string in strings]
        for record in heads(region, odd):
            first = record.raw.split(b"\n", 1)[0]
            if _USUAL.match(first) is None or not any(string in first for string in wanted):
                self.rest.append(record)  # and has not been counted by its own first line

    def groups(self) -> Iterator[tuple[int, Record, Record]]:
        """Yield of each group how many there are, the first and the last; of these only the first line."""
        for key, count in self.counts.items():
            first, last = (_record(offset, text) for offset, text in self.ends[key])
            yield count, first, last

    def _add(self, key: tuple[bytes, bytes, str], line: tuple[int, bytes]) -> None:
        if key in self.counts:
            self.counts[key] += 1
            self.ends[key][1] = line
        else:
            self.counts[key] = 1
            self.ends[key] = [line, line]


def _record(offset: int, text: bytes) -> Record:
    head = parse(text.decode(errors="replace"))
    if head is None:
        raise ValueError("a line of the usual form is none")  # _USUAL takes only what parse takes
    return Record(head, text, (), offset)
