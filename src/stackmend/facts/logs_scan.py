"""Find records in the logs of one machine, and say them as JSON lines.

Runs on nodes too, by itself: Python 3.8 and its library are enough. What is asked is a dictionary (``Order``); the
answer is a line for each record or group, and one at the end that says what was read.
"""

from __future__ import annotations

import heapq
import json
import sys
import threading
import time
from collections.abc import Iterator
from fnmatch import fnmatch
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from stackmend.facts.logs_files import LogFile, Region, files_of, hits, is_plain, regions
from stackmend.facts.logs_journal import journal
from stackmend.facts.logs_records import Moments, Record, completed, first_since, heads, only_oslo, records
from stackmend.facts.logs_tally import Tally
from stackmend.rules.logs_lines import grave, spellings
from stackmend.rules.logs_masking import mask
from stackmend.rules.logs_templates import Templates

LONGEST = 1 << 16
"""Characters of a record that are said."""
JOURNAL = "journal"
"""What stands for a file's path in what the journal says."""
MOST_SAID = 1 << 24
"""Bytes of all records of one machine that are said."""
EXAMPLE = 4000
"""Characters of a group's example that are said."""
SLACK = 15.0
"""Seconds of the window that are said too, as the clocks are compared only at the end; and by which they may differ
without being taken for different, as a connection takes time."""


class Order(NamedTuple):
    """What is asked of a machine.

    Attributes:
        top: directory of its logs.
        services: name, directories and units of each.
        wanted: services that are wanted; all where there are none.
        needles: of each of these groups, a record has one string.
        level: the least level.
        since: seconds since the epoch by the asker's clock.
        until: likewise.
        asked: when it was asked, by the asker's clock; 0 where the clocks are the same.
        errors: whether records are grouped by template.
        limit: how many records or groups are said at most.
        journal: whether there is one.
        threads: how many files are read at once.
        zone: of time stamps that name none; empty for the machine's own.
    """

    top: str
    services: list[tuple[str, list[str], list[str]]]
    wanted: list[str]
    needles: list[list[str]]
    level: str
    since: float | None
    until: float | None
    asked: float
    errors: bool
    limit: int
    journal: bool
    threads: int
    zone: str


class Found(NamedTuple):
    """A record, and where it was found."""

    time: float
    service: str
    source: str
    record: Record


class Wanted:
    """Whether a record is wanted."""

    def __init__(self, order: Order) -> None:
        ahead = time.time() - order.asked if order.asked else 0.0
        shift = ahead if abs(ahead) > SLACK else 0.0
        self.since = None if order.since is None else order.since + shift - (SLACK if order.asked else 0)
        self.until = None if order.until is None else order.until + shift + (SLACK if order.asked else 0)
        self._needles = [[text.encode() for text in group] for group in order.needles]
        self._level = order.level
        self._services = order.wanted
        self._longest = min(order.needles, key=lambda group: -min(map(len, group)), default=[])

    def strings(self, region: Region) -> list[str]:
        """Return fixed strings of which every wanted record there has one; none where none are known."""
        return self._longest or spellings(self._level, oslo=bool(self._level) and only_oslo(region))

    def service(self, name: str, group: str) -> bool:
        """Return whether the process or its group of services is wanted."""
        return not self._services or any(
            word in {group, name} or name.startswith(word + "-") for word in self._services
        )

    def units(self, group: str, units: list[str]) -> list[str]:
        """Return the patterns of units that may be wanted."""
        if not self._services or group in self._services:
            return units
        return [unit for unit in units if any(fnmatch(word, unit) for word in self._services)]

    @property
    def always(self) -> bool:
        """Whether every time is in the window."""
        return self.since is None and self.until is None

    def at(self, moment: float) -> bool:
        """Return whether a time is in the window."""
        return (self.since is None or moment >= self.since) and (self.until is None or moment <= self.until)

    def record(self, record: Record) -> bool:
        """Return whether level and text are wanted."""
        return grave(record.head.level, self._level) and all(
            any(text in record.raw for text in group) for group in self._needles
        )


class Newest:
    """The newest records, of however many."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._heap: list[tuple[float, int, Found]] = []
        self.count = 0

    def add(self, found: Found, *, times: int = 1) -> None:
        """Count a record, and keep it while it is among the newest."""
        self.count += times
        entry = (found.time, self.count, found)
        if len(self._heap) < self._limit:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield what is said of each, in the order of time; of very long ones fewer, so that no node sends too much."""
        newest = sorted(self._heap, reverse=True)
        sizes = accumulate(min(len(found.record.raw), LONGEST) for _, _, found in newest)
        for _, _, found in reversed([entry for entry, size in zip(newest, sizes) if size <= MOST_SAID]):  # noqa: B905
            yield said(found)


class Groups:
    """Records by their template."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._groups: dict[tuple[str, str, str, str], list[Any]] = {}
        self._templates = Templates()

    @property
    def count(self) -> int:
        """How many groups there are."""
        return len(self._groups)

    def add(self, found: Found, *, times: int = 1) -> None:
        """Count a record in its group, as many times as there are such."""
        head = found.record.head
        key = (found.service, head.level, head.logger, self._templates.of(head.message))
        group = self._groups.get(key)
        if group is None:
            self._groups[key] = [times, found.time, found.time, found.record, found.source]
            return
        group[0] += times
        group[1] = min(group[1], found.time)
        if found.time >= group[2]:
            group[2:] = [found.time, found.record, found.source]

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield what is said of each, the most frequent first."""
        for key, (count, first, last, record, source) in sorted(self._groups.items(), key=lambda item: -item[1][0])[
            : self._limit
        ]:
            service, level, logger, text = key
            record = _completed(source, record)  # noqa: PLW2901 - the same one
            example = mask("\n".join([record.head.message, *record.rest]))
            yield {
                "service": service, "level": level, "logger": logger, "template": mask(text), "count": count,
                "first": first, "last": last, "example": example if len(example) <= EXAMPLE else _ends(example),
            }  # fmt: skip


class Scan:
    """One reading of a machine's logs."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._wanted = Wanted(order)
        self._moments = Moments(order.zone)
        self.kept: Newest | Groups = Groups(order.limit) if order.errors else Newest(order.limit)
        self.files = 0
        self.unread: list[str] = []
        self._lock = threading.Lock()
        self._ended: list[bool] = []

    def all(self) -> None:
        """Read everything that is asked for, ``threads`` files at once: the searching is grep's."""
        files = iter([file for service in self._order.services for file in self._service(*service)])
        threads = [threading.Thread(target=self._some, args=(files,)) for _ in range(self._order.threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if len(self._ended) < len(threads):
            raise RuntimeError("reading ended too early; what a thread said above tells why")

    def _some(self, files: Iterator[LogFile]) -> None:
        """Read files of those that nobody has taken yet; a list's iterator may be shared."""
        for file in files:
            self._try_file(file)
        self._ended.append(True)

    def _service(self, name: str, directories: list[str], units: list[str]) -> list[LogFile]:
        """Return the wanted files of a service; where it has none, read its journal."""
        try:
            files = files_of(Path(self._order.top), directories)
        except OSError as error:
            self.unread.append(f"{error.filename}: {error.strerror}")
            return []
        if not files and self._order.journal:
            units = self._wanted.units(name, units)
            if units:
                self._try_journal(name, units)
        return [file for file in files if self._wanted.service(file.service, name)]

    def _try_file(self, file: LogFile) -> None:
        try:
            self._file(file)
        except OSError as error:
            self.unread.append(f"{file.path}: {error.strerror or error}")
        except ValueError as error:
            self.unread.append(f"{file.path}: {error}")

    def _file(self, file: LogFile) -> None:
        wanted, since = self._wanted, self._wanted.since
        if since is not None and file.path.stat().st_mtime < since:
            return
        self.files += 1
        for region in regions(file.path):
            strings = wanted.strings(region)
            if since is not None and not strings:
                region = first_since(region, self._moments, since)  # noqa: PLW2901 - what is left of it
            plain = isinstance(self.kept, Groups) and not self._order.needles and is_plain(file.path)
            if plain and strings and wanted.always:
                read = self._tallied(file, region, strings)
            elif plain:
                read = heads(region, hits(file.path, region, strings))
            else:
                read = records(file.path, region, strings)
            for record in read:
                if wanted.record(record):
                    self._keep(self._moments.of(record.head), file.service, str(file.path), record)

    def _tallied(self, file: LogFile, region: Region, strings: list[str]) -> Iterator[Record]:
        """Count what is usual, and yield what is not."""
        tally = Tally(file.path, region, strings, self._order.level)
        for count, *ends in tally.groups():
            first, last = (Found(self._moments.of(end.head), file.service, str(file.path), end) for end in ends)
            with self._lock:
                self.kept.add(first)
                self.kept.add(last, times=count - 1)
        yield from tally.rest

    def _try_journal(self, name: str, units: list[str]) -> None:
        try:
            entries, cut = journal(units, self._wanted.since)
        except (OSError, ValueError) as error:
            self.unread.append(f"the journal of {name}: {error}")
            return
        self.files += bool(entries)
        if cut:
            self.unread.append(f"the journal of {name}: only its newest {len(entries)} records were read")
        for unit, moment, record in entries:
            if self._wanted.service(unit, name) and self._wanted.record(record):
                self._keep(moment, unit, JOURNAL, record)

    def _keep(self, moment: float, service: str, source: str, record: Record) -> None:
        if self._wanted.at(moment):
            with self._lock:
                self.kept.add(Found(moment, service, source, record))


def said(found: Found) -> dict[str, Any]:
    """Return what is said of a record; its secrets are masked."""
    head = found.record.head
    text = mask("\n".join([head.message, *found.record.rest]))
    return {
        "time": found.time, "service": found.service, "level": head.level, "logger": head.logger,
        "process": head.process, "request": head.request, "global_request": head.global_request,
        "instance": head.instance, "text": text if len(text) <= LONGEST else text[:LONGEST] + "\n[cut here]",
        "source": found.source,
    }  # fmt: skip


def _completed(source: str, record: Record) -> Record:
    """Return a record with all of its lines, where only its first one was looked at."""
    if record.rest or source == JOURNAL or not is_plain(Path(source)):
        return record
    try:
        return completed(Path(source), record)
    except OSError:  # it was rotated away meanwhile
        return record


def _ends(text: str) -> str:
    """Return a long text's two ends; a traceback says at its end what is wrong."""
    return text[: EXAMPLE // 2] + "\n[…]\n" + text[-EXAMPLE // 2 :]


def answer(order: Order) -> Iterator[dict[str, Any]]:
    """Yield what is said of each record or group, and at the end what was read, and when by this machine's clock."""
    began = time.time()
    scan = Scan(order)
    scan.all()
    yield from scan.kept.lines()
    yield {"end": [began, time.time()], "matched": scan.kept.count, "files": scan.files, "unread": scan.unread}


def main(asked: dict[str, Any]) -> None:
    """Read what an order asks for, and say it."""
    for line in answer(Order(**asked)):
        sys.stdout.write(json.dumps(line) + "\n")
