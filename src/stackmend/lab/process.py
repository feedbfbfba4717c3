"""Processes by identity: a pid and its start time, so that a pid that the kernel gave to another is never touched."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """One process of this machine.

    Attributes:
        pid: its number.
        started: clock ticks after the machine's boot (field 22 of /proc/PID/stat).
    """

    pid: int
    started: int

    def alive(self) -> bool:
        """Return whether that very process still runs; a zombie does not."""
        stat = _stat(self.pid)
        return stat is not None and stat[0] not in "ZX" and stat[1] == self.started

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens where the process is gone."""
        if self.alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def children(self) -> tuple[Process, ...]:
        """Return its direct children."""
        if not self.alive():
            return ()
        pids = (int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit())
        stats = ((pid, _stat(pid)) for pid in pids)
        return tuple(Process(pid, stat[1]) for pid, stat in stats if stat is not None and stat[2] == self.pid)


def of(pid: int) -> Process | None:
    """Return the process that has that pid now; None where there is none."""
    stat = _stat(pid)
    return None if stat is None else Process(pid, stat[1])


def read(path: Path) -> Process | None:
    """Return the process that a file names as ``PID STARTED``; None where there is no such file or word."""
    try:
        pid, started = path.read_text().split()
        return Process(int(pid), int(started))
    except (FileNotFoundError, ValueError):
        return None


def write_own(path: Path) -> None:
    """Write this very process into a file, whole or not at all."""
    stat = _stat(os.getpid())
    new = path.with_name(path.name + ".new")
    new.write_text(f"{os.getpid()} {stat[1] if stat else 0}\n")
    new.rename(path)


def _stat(pid: int) -> tuple[str, int, int] | None:
    """Return state, start time and parent."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[19]), int(fields[1])
