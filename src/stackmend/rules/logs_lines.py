"""Lines of logs: what a line's beginning tells. Runs on nodes too, by itself: Python 3.8 and its library are enough.

oslo.log's default formats are read in full: ``TIME PID LEVEL LOGGER [GLOBAL REQUEST USER PROJECT …] [instance: UUID]
MESSAGE``; each line of a traceback has the same beginning, always at level ERROR, but no brackets of the context. Of
other logs (RabbitMQ, Open vSwitch and OVN, Ceph, MariaDB, libvirt, uWSGI, Apache) time, level and message are read.
"""

from __future__ import annotations

import calendar
import re
from typing import NamedTuple

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

SAME_LEVEL = {
    "TRACE": "ERROR", "AUDIT": "INFO", "WARN": "WARNING", "ERR": "ERROR", "DBG": "DEBUG", "EMER": "CRITICAL",
    "NOTICE": "INFO", "NOTE": "INFO", "ALERT": "CRITICAL", "EMERG": "CRITICAL", "EMERGENCY": "CRITICAL",
    "CRIT": "CRITICAL", "WRN": "WARNING", "INF": "INFO", "SYSTEM": "INFO", "FATAL": "CRITICAL",
}  # fmt: skip
"""What other programs, and older releases, call the levels."""

_SPELLED = {
    "ERROR": (" ERROR ", "|ERR|", "[error]", "[ERROR]", "[ERR]", ": error :", ":error]"),
    "CRITICAL": (" CRITICAL ", "|EMER|", "[critical]", "[alert]", "[emergency]", ":crit]", ":emerg]", " FATAL "),
    "WARNING": (" WARNING ", "|WARN|", "[warning]", "[Warning]", "[WRN]", ": warning :", ":warn]"),
}  # fmt: skip
_CEPH_ERROR = " -1 "
"""Ceph's daemons write a priority instead of a level."""

_DATE, _TIME = r"(\d{4}-\d\d-\d\d)", r"(\d\d:\d\d:\d\d)"
_ISO = re.compile(_DATE + r"[ T]" + _TIME + r"(?:[.,](\d+))?(Z|[+-]\d\d:?\d\d)?(.*)", re.DOTALL)
_ISO_BEGINNING = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d")
_ID = r"(req-[^\s\]]+)"
_OSLO = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:[.,](\d+))? (?:(\d+) )?"
    r"(TRACE|DEBUG|INFO|AUDIT|WARNING|WARN|ERROR|CRITICAL) (\S+)(?: |$)"
    rf"(\[(?:-|(?:None|-|{_ID})(?: {_ID}?[^\]]*)?)\] ?)?(?:\[instance: ([0-9a-f-]{{36}})\] ?)?(.*)",
    re.DOTALL,
)
_CONTEXT = re.compile(r"\[(-|(?:None|-|req-[^\s\]]+)(?: [^\]]*)?)\] ?")
_INSTANCE = re.compile(r"\[instance: ([0-9a-f-]{36})\] ?")
_CTIME = r"\w{3} (\w{3}) +(\d+) (\d\d:\d\d:\d\d)(?:\.(\d+))? (\d{4})"
_UWSGI = re.compile(r"\[pid: (\d+)\|.*?\[" + _CTIME + r"\] (.*)", re.DOTALL)
_APACHE = re.compile(
    r"\[" + _CTIME + r"\] \[[^\]:]*:(\w+)\] \[pid (\d+)[^\]]*\] (?:\[(?:client|remote) [^\]]*\] )?(.*)", re.DOTALL
)
_ACCESS = re.compile(r"\S+ \S+ \S+ \[(\d\d)/(\w{3})/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d{4})\] (.*)", re.DOTALL)
_OTHERS = (
    re.compile(r"\|\d+\|(?P<logger>[^|]+)\|(?P<level>EMER|ERR|WARN|INFO|DBG)\|(?P<message>.*)", re.DOTALL),
    re.compile(r" \[(?P<level>[a-z]+)\] (?P<logger><[\d.]+>) (?P<message>.*)", re.DOTALL),
    re.compile(r" (?P<pid>\d+) \[(?P<level>Note|Warning|ERROR|System)\] (?P<message>.*)", re.DOTALL),
    re.compile(r": (?P<pid>\d+): (?P<level>debug|info|warning|error) : (?P<message>.*)", re.DOTALL),
    re.compile(r" [0-9a-f]{8,16} +(?P<priority>-?\d+) (?P<message>.*)", re.DOTALL),
    re.compile(r" (?P<logger>\S+ \(\S+\)) \d+ : \S+ \[(?P<level>DBG|INF|WRN|ERR)\] (?P<message>.*)", re.DOTALL),
)  # fmt: skip
_OF_OSLO = {"TRACE": "ERROR", "AUDIT": "INFO", "WARN": "WARNING"}
_MONTHS = {name: n for n, name in enumerate(calendar.month_abbr)}


class Line(NamedTuple):
    """A line that begins a record, or that belongs to a traceback.

    Attributes:
        second: date and time, ``2026-11-24 13:17:10``, as the log has it.
        fraction: of a second.
        zone: ``Z`` or ``+00:00``; empty for the node's own time.
        process: id; 0 for none.
        level: one of ``LEVELS``; empty for none.
        logger: Python module, or the like.
        request: request id; empty for none.
        global_request: empty for none.
        instance: UUID; empty for none.
        message: the rest.
        context: whether there were brackets of a context; without them, an ERROR of oslo.log is a traceback's line.
        oslo: whether the format is oslo.log's.
    """

    second: str
    fraction: float
    zone: str
    process: int
    level: str
    logger: str
    request: str
    global_request: str
    instance: str
    message: str
    context: bool
    oslo: bool

    @property
    def traceback(self) -> bool:
        """Whether it is a line of a traceback, which belongs to a record before."""
        return self.oslo and not self.context and self.level == "ERROR"

    def follows(self, head: Line) -> bool:
        """Whether it is a line of that record's traceback."""
        return self.traceback and (
            self.second == head.second
            and self.fraction == head.fraction
            and self.process == head.process
            and self.logger == head.logger
        )


def parse(line: str) -> Line | None:
    """Return what a line without its end says; None where it begins no record, and belongs to the one before."""
    if line[:1].isdigit():
        found = _OSLO.match(line)
        if found is not None:
            return _of_oslo(found)
        found = _ISO.match(line)
        if found is not None:
            return _dated(found)
    elif line[:1] == "[":
        return _uwsgi(line) or _apache(line)
    return _access(line) if " [" in line[:120] else None


def spellings(level: str, *, oslo: bool = False) -> list[str]:
    """Return fixed strings of which every record of this level, or a graver one, has one; none where none are known.

    Only for WARNING, ERROR and CRITICAL: other levels are most of a log.

    Args:
        level: the least that is wanted.
        oslo: whether nothing but oslo.log writes levels there, so that fewer strings do.
    """
    if level not in _SPELLED:
        return []
    graver = LEVELS[LEVELS.index(level) :]
    if oslo:
        return [f" {each} " for each in graver]
    return [spelling for each in graver for spelling in _SPELLED[each]] + ([_CEPH_ERROR] if level != "CRITICAL" else [])


def begins(line: str) -> bool:
    """Return whether a line begins a record, or is a traceback's; sooner than ``parse``."""
    if line[:1].isdigit():
        return _ISO_BEGINNING.match(line) is not None or parse(line) is not None
    return parse(line) is not None


def repeated(head: Line, first: str) -> str:
    """Return what each line of a record's traceback begins with; empty where its format is another."""
    if not head.oslo or not first[:1].isdigit():
        return ""
    stamp = first[: first.index(" ", 11)]
    process = f" {head.process}" if head.process else ""
    return f"{stamp}{process} ERROR {head.logger} "


def traced(text: str) -> str | None:
    """Return a traceback's line without the instance; None where what follows the repeated part is a context's.

    Args:
        text: what follows the repeated part.
    """
    if text[:1] != "[":
        return text
    about = _INSTANCE.match(text)
    if about is not None:
        return text[about.end() :]
    return None if _CONTEXT.match(text) else text


def grave(level: str, least: str) -> bool:
    """Whether a level is as grave as the least one that is wanted; a record without a level is not."""
    return not least or (level in LEVELS and LEVELS.index(level) >= LEVELS.index(least))


def normal(level: str) -> str:
    """Return one of ``LEVELS`` for any program's word; empty for what is none."""
    word = level.upper()
    word = SAME_LEVEL.get(word, word)
    return word if word in LEVELS else ""


def _dated(found: re.Match[str]) -> Line:
    date, second, digits, zone, rest = found.groups()
    when, fraction = f"{date} {second}", _fraction(digits)
    for other in _OTHERS:
        matched = other.match(rest)
        if matched is not None:
            return _of_other((when, fraction, zone or ""), matched.groupdict())
    return Line(when, fraction, zone or "", 0, "", "", "", "", "", rest.lstrip(" :|"), context=True, oslo=False)


def _of_oslo(found: re.Match[str]) -> Line:
    second, digits, process, level, logger, context, first, own, instance, message = found.groups()
    return Line(
        second,
        _fraction(digits),
        "",
        int(process or 0),
        _OF_OSLO.get(level, level),
        logger,
        own or first or "",
        first if first and own else "",
        instance or "",
        message,
        context=context is not None,
        oslo=True,
    )


def _of_other(beginning: tuple[str, float, str], said: dict[str, str]) -> Line:
    level = normal(said.get("level", ""))
    if "priority" in said:
        level = "ERROR" if int(said["priority"]) < 0 else "INFO"
    process = int(said.get("pid") or 0)
    message = said["message"]
    return Line(*beginning, process, level, said.get("logger") or "", "", "", "", message, context=True, oslo=False)


def _uwsgi(line: str) -> Line | None:
    found = _UWSGI.match(line)
    if found is None:
        return None
    pid, month, day, second, digits, year, message = found.groups()
    when = _when(year, month, day, second)
    return Line(when, _fraction(digits), "", int(pid), "INFO", "uwsgi", "", "", "", message, context=True, oslo=False)


def _apache(line: str) -> Line | None:
    found = _APACHE.match(line)
    if found is None:
        return None
    month, day, second, digits, year, level, pid, message = found.groups()
    inner = parse(message)  # what a service writes to stderr under mod_wsgi
    if inner is not None and inner.oslo:
        return inner
    when, grave = _when(year, month, day, second), normal(level)
    return Line(when, _fraction(digits), "", int(pid), grave, "apache", "", "", "", message, context=True, oslo=False)


def _access(line: str) -> Line | None:
    found = _ACCESS.match(line)
    if found is None:
        return None
    day, month, year, second, zone, message = found.groups()
    when = _when(year, month, day, second)
    return Line(when, 0.0, zone, 0, "INFO", "access", "", "", "", message, context=True, oslo=False)


def _when(year: str, month: str, day: str, second: str) -> str:
    return f"{year}-{_MONTHS.get(month, 1):02d}-{int(day):02d} {second}"


def _fraction(digits: str | None) -> float:
    return float("0." + digits) if digits else 0.0
