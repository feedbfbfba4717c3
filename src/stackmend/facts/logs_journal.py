"""Records of a machine's journal, of the units that write no file. Runs on nodes too, by itself."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

from stackmend.facts.logs_records import Record, joined
from stackmend.rules.logs_lines import Line, normal, parse

MOST_ENTRIES = 200000
"""Entries of one service's units that are read; the newest."""
NONE_SUCH = b"Failed to add filter for units: No data available"
"""What journalctl says where no unit fits any pattern."""
FIELDS = "MESSAGE,PRIORITY,_PID,_SYSTEMD_UNIT,SYSLOG_IDENTIFIER"
_PRIORITIES = ("CRITICAL", "CRITICAL", "CRITICAL", "ERROR", "WARNING", "INFO", "INFO", "DEBUG")


def command(units: list[str], since: float | None, *, follow: bool = False) -> list[str]:
    """Return the command line that shows the entries of units as JSON."""
    line = ["journalctl", "-o", "json", "--no-pager", "-q", "--output-fields=" + FIELDS]
    line += [word for unit in units for word in ("-u", unit)]
    if follow:
        return [*line, "-f", "-n", "0"]
    line += ["-n", str(MOST_ENTRIES)]
    return line if since is None else [*line, f"--since=@{since:.0f}"]


def journal(units: list[str], since: float | None) -> tuple[list[tuple[str, float, Record]], bool]:
    """Return the records of units with the unit's name and the time, and whether older ones were left out.

    Raises:
        OSError: there is no journal here.
        ValueError: journalctl ended with an error.
    """
    done = subprocess.run(command(units, since), capture_output=True, check=False)
    if done.returncode and NONE_SUCH not in done.stderr:
        raise ValueError(done.stderr.decode(errors="replace").strip() or f"journalctl ended with {done.returncode}")
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    return list(told(entries)), len(entries) >= MOST_ENTRIES


def told(entries: list[dict[str, Any]]) -> Iterator[tuple[str, float, Record]]:
    """Yield unit, time and record of entries; lines of one process that belong together are one record."""
    streams: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for entry in entries:
        unit = str(entry.get("_SYSTEMD_UNIT") or entry.get("SYSLOG_IDENTIFIER") or "")
        streams.setdefault((unit, str(entry.get("_PID", ""))), []).append(entry)
    for (unit, _), stream in streams.items():
        lines = [(_line(entry, first=number == 0), _message(entry)) for number, entry in enumerate(stream)]
        for record in joined(lines):
            moment = int(stream[record.offset]["__REALTIME_TIMESTAMP"]) / 1e6
            yield unit.rpartition(".")[0] or unit, moment, record


def _message(entry: dict[str, Any]) -> str:
    message = entry.get("MESSAGE")
    if isinstance(message, list):  # bytes that are not all printable
        return bytes(message).decode(errors="replace")
    return str(message or "")


def _line(entry: dict[str, Any], *, first: bool) -> Line | None:
    """Return what an entry says; None for one that goes on with the one before."""
    message = _message(entry)
    line = parse(message)
    if line is not None or (message[:1].isspace() and not first):
        return line
    number = str(entry.get("PRIORITY", ""))
    level = _PRIORITIES[int(number)] if number.isdigit() and int(number) < len(_PRIORITIES) else normal(number)
    process = int(entry.get("_PID") or 0)
    return Line("", 0.0, "", process, level, "", "", "", "", message, context=True, oslo=False)
