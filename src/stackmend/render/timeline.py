"""When each step was decided on, applied and verified, and an axis that leaves out the hours nothing ran; pure."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stackmend.domain.run import Kind, Record
from stackmend.domain.values import StepId


class Phase(enum.StrEnum):
    """What was done to a step in a stretch of time."""

    DECIDE = "decide"
    APPLY = "apply"
    VERIFY = "verify"
    UNDO = "undo"


@dataclass(frozen=True)
class Stretch:
    """A stretch of one step's time.

    Attributes:
        step: which step.
        phase: what was done.
        begin: when it began.
        end: when it ended.
        ending: ``""``, or how it broke off: ``failed``, or ``killed`` with the process.
        sentence: the last word on it.
    """

    step: StepId
    phase: Phase
    begin: datetime
    end: datetime
    ending: str = ""
    sentence: str = ""


_BEGINS: Mapping[Kind, Phase] = {
    Kind.STEP_STARTED: Phase.DECIDE,
    Kind.STEP_INTENT: Phase.APPLY,
    Kind.STEP_APPLIED: Phase.VERIFY,
    Kind.STEP_UNDO_STARTED: Phase.UNDO,
}
_ENDS: Mapping[Kind, str] = {
    Kind.STEP_DONE: "",
    Kind.STEP_SKIPPED: "",
    Kind.STEP_UNDONE: "",
    Kind.STEP_FAILED: "failed",
    Kind.STEP_WITHDRAWN: "withdrawn",
    Kind.STEP_UNDO_FAILED: "failed",
}


def stretches(records: Iterable[Record], *, alive: bool = False) -> tuple[Stretch, ...]:
    """Return every stretch that the records tell, attempts that failed or were killed included, by their ends.

    Args:
        records: of a run's journal, in order.
        alive: whether a process carries the run out now, so that what is open goes on and was not killed.
    """
    found: list[Stretch] = []
    open_: dict[StepId, tuple[Phase, datetime]] = {}
    known: dict[StepId, Phase] = {}
    last: datetime | None = None
    for record in records:
        if record.kind is Kind.RUN_RESUMED and open_ and last is not None:
            found += [Stretch(step, phase, begin, last, "killed") for step, (phase, begin) in open_.items()]
            open_.clear()
        phase = _phase_begun(record, known)
        if record.step in open_ and (phase is not None or record.kind in _ENDS):
            before, begin = open_.pop(record.step)
            ending = _ENDS.get(record.kind, "")
            if record.at > begin or ending:
                found.append(Stretch(record.step, before, begin, record.at, ending, record.sentence))
        if phase is not None:
            open_[record.step] = (phase, record.at)
            known[record.step] = phase
        last = record.at
    if last is not None:
        ending = "" if alive else "killed"
        found += [Stretch(step, phase, begin, last, ending) for step, (phase, begin) in open_.items()]
    return tuple(found)


def _phase_begun(record: Record, known: dict[StepId, Phase]) -> Phase | None:
    """Return the phase that a record begins; a step taken up after a kill begins with the phase it was killed in."""
    phase = _BEGINS.get(record.kind)
    if record.kind in _ENDS or record.kind is Kind.STEP_CHOICE:
        known.pop(record.step, None)
    if record.kind is Kind.STEP_STARTED:
        return known.get(record.step, Phase.DECIDE)
    return phase


@dataclass(frozen=True)
class Piece:
    """A stretch of the axis; ``idle`` ones are drawn short, whatever they lasted."""

    begin: datetime
    end: datetime
    idle: bool
    left: float
    right: float


class Axis:
    """From moments to horizontal places, in pixels; long times in which no step ran are cut short.

    Args:
        stretches: what is to be drawn; at least one.
        left: place of the first moment.
        right: place of the last.
    """

    BREAK = 34.0
    """Pixels of an idle piece."""

    def __init__(self, stretches: Sequence[Stretch], left: float, right: float) -> None:
        busy = _busy(stretches)
        longest = max((end - begin for begin, end in busy), default=timedelta())
        worth = max(timedelta(seconds=20), longest / 2)
        merged = _merged(busy, worth)
        active = sum((end - begin).total_seconds() for begin, end in merged) or 1.0
        scale = (right - left - self.BREAK * (len(merged) - 1)) / active
        self.pieces = _pieces(merged, left, scale, self.BREAK)
        self.scale = scale

    def place(self, moment: datetime) -> float:
        """Return where a moment is."""
        for piece in self.pieces:
            if moment <= piece.end:
                whole = (piece.end - piece.begin).total_seconds() or 1.0
                share = max(0.0, (moment - piece.begin).total_seconds() / whole)
                return piece.left + share * (piece.right - piece.left)
        return self.pieces[-1].right

    def ticks(self, wanted: int = 8) -> list[tuple[float, str]]:
        """Return places and words of about so many ticks, each counted from the first moment of the run."""
        busy = [piece for piece in self.pieces if not piece.idle]
        step = _round_step(sum((p.end - p.begin).total_seconds() for p in busy) / wanted)
        start, found = self.pieces[0].begin, []
        for piece in busy:
            offset = (piece.begin - start).total_seconds()
            at = offset if piece is busy[0] else (offset // step + 1) * step
            while at <= (piece.end - start).total_seconds():
                found.append((self.place(start + timedelta(seconds=at)), duration(at)))
                at += step
        return found


def duration(seconds: float) -> str:
    """Return a length of time in the two largest units that say it, such as ``4 min 7 s``."""
    if seconds < 10 and seconds != int(seconds):  # noqa: PLR2004 - tenths matter only where they can be seen
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min"
    if minutes:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{rest} s"


def _busy(stretches: Iterable[Stretch]) -> list[tuple[datetime, datetime]]:
    """Return the times in which any step ran, in order, without overlap."""
    return _merged(sorted((s.begin, s.end) for s in stretches), timedelta())


def _merged(spans: Iterable[tuple[datetime, datetime]], gap: timedelta) -> list[tuple[datetime, datetime]]:
    found: list[tuple[datetime, datetime]] = []
    for begin, end in spans:
        if found and begin - found[-1][1] <= gap:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def _pieces(spans: Sequence[tuple[datetime, datetime]], left: float, scale: float, width: float) -> tuple[Piece, ...]:
    found: list[Piece] = []
    for begin, end in spans:
        if found:
            found.append(Piece(found[-1].end, begin, idle=True, left=left, right=left + width))
            left += width
        right = left + (end - begin).total_seconds() * scale
        found.append(Piece(begin, end, idle=False, left=left, right=right))
        left = right
    return tuple(found)


def _round_step(seconds: float) -> float:
    for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600):
        if seconds <= step:
            return step
    return 7200
