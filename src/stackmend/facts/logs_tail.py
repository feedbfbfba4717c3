"""Follow the logs of one machine, and say new records as JSON lines. Runs on nodes too, by itself.

Files are looked at a few times a second: one that is rotated away is read to its end, one that is new from its
beginning. A record is said when the next one begins, or when nothing was written for one look, so that a traceback is
whole. A line that only says that this is alive comes now and then, and ends the program where nobody reads any more.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stackmend.facts.logs_files import UNPACK, LogFile, files_of
from stackmend.facts.logs_journal import command, told
from stackmend.facts.logs_records import Moments, joined
from stackmend.facts.logs_scan import Found, Order, Wanted, said
from stackmend.rules.logs_lines import parse

LOOK_SECONDS = 0.25
LIST_SECONDS = 3.0
ALIVE_SECONDS = 10.0
CHUNK = 1 << 20


class Tail:
    """One file that is followed."""

    def __init__(self, file: LogFile, *, from_end: bool) -> None:
        self.file = file
        self._stream = file.path.open("rb")
        self.inode = os.fstat(self._stream.fileno()).st_ino
        if from_end:
            self._stream.seek(0, os.SEEK_END)
        self._part = b""
        self._lines: list[str] = []

    def found(self, moments: Moments) -> Iterator[Found]:
        """Yield the records that are whole."""
        new = self._new_lines()
        self._lines += new
        records = list(joined((parse(line), line) for line in self._lines))
        if new and records:
            self._lines = self._lines[records.pop().offset :]
        else:
            self._lines = []
        for record in records:
            yield Found(moments.of(record.head), self.file.service, str(self.file.path), record)

    def ended(self) -> bool:
        """Return whether another file has its name by now; a file that was cut is begun anew."""
        try:
            now = self.file.path.stat()
        except FileNotFoundError:
            return True
        if now.st_ino == self.inode and now.st_size < self._stream.tell():
            self._stream.seek(0)
        return now.st_ino != self.inode

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _new_lines(self) -> list[str]:
        block = self._part + self._stream.read(CHUNK)
        whole, end, self._part = block.rpartition(b"\n")
        return whole.decode(errors="replace").split("\n") if end else []


class Journal:
    """The units that write no file."""

    def __init__(self, units: list[str]) -> None:
        self._process = subprocess.Popen(command(units, None, follow=True), stdout=subprocess.PIPE)
        self._part = b""

    def found(self) -> Iterator[Found]:
        """Yield what is new."""
        pipe = self._process.stdout
        entries = []
        while pipe is not None and select.select([pipe], [], [], 0)[0]:
            block = os.read(pipe.fileno(), CHUNK)
            if not block:
                break
            whole, _, self._part = (self._part + block).rpartition(b"\n")
            entries += [json.loads(line) for line in whole.splitlines()]
        for unit, moment, record in told(entries):
            yield Found(moment, unit, "journal", record)

    def close(self) -> None:
        """End journalctl."""
        self._process.kill()
        self._process.wait()


class Follow:
    """All that is followed on a machine."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._wanted = Wanted(order)
        self._moments = Moments(order.zone)
        self._tails: dict[str, Tail] = {}
        self._silent: list[str] = []
        self.list(first=True)
        self._journal = Journal(self._silent) if self._silent and order.journal else None

    def list(self, *, first: bool = False) -> None:
        """Look which files there are."""
        for name, directories, units in self._order.services:
            files = [file for file in files_of(Path(self._order.top), directories) if file.path.suffix not in UNPACK]
            for file in files:
                if str(file.path) not in self._tails and self._wanted.service(file.service, name):
                    self._tails[str(file.path)] = Tail(file, from_end=first or not _fresh(file))
            if first and not files:
                self._silent += self._wanted.units(name, units)

    def found(self) -> Iterator[Found]:
        """Yield the new records that are wanted."""
        for path, tail in list(self._tails.items()):
            yield from self._of(tail)
            if tail.ended():
                yield from self._of(tail)
                yield from self._of(tail)
                tail.close()
                del self._tails[path]
        if self._journal is not None:
            yield from (found for found in self._journal.found() if self._wanted.record(found.record))

    def close(self) -> None:
        """Let go of everything."""
        for tail in self._tails.values():
            tail.close()
        if self._journal is not None:
            self._journal.close()

    def _of(self, tail: Tail) -> Iterator[Found]:
        yield from (found for found in tail.found(self._moments) if self._wanted.record(found.record))


def _fresh(file: LogFile) -> bool:
    """Return whether a file that was not there before is the successor of a rotated one, and not that one renamed."""
    return file.path.suffix == ".log"


def main(asked: dict[str, Any]) -> None:
    """Follow what an order asks for, until nobody reads any more."""
    follow = Follow(Order(**asked))
    try:
        _say({"alive": time.time()})
        listed = alive = time.monotonic()
        while True:
            for found in follow.found():
                _say(said(found))
            now = time.monotonic()
            if now - listed > LIST_SECONDS:
                follow.list()
                listed = now
            if now - alive > ALIVE_SECONDS:
                _say({"alive": time.time()})
                alive = now
            sys.stdout.flush()
            time.sleep(LOOK_SECONDS)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        follow.close()


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
