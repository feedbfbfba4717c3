"""A journal that kills its own process at a chosen record, for crash tests of whole programs."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stackmend.domain.plan import Plan
from stackmend.domain.run import Kind, Record
from stackmend.domain.values import JsonObject, RunId, StepId
from stackmend.engine.journal import Journal


@dataclass(frozen=True)
class CrashPoint:
    """Which record to die at.

    Attributes:
        number: of the record, counted from 1 in the order this process appends them.
        before: whether to die before it is written, not after it is on the disk.
    """

    number: int
    before: bool

    @classmethod
    def parse(cls, text: str) -> CrashPoint:
        """Return the point that ``7`` (after the seventh) or ``7-before`` names; ValueError for other words."""
        number, _, rest = text.partition("-")
        if rest not in {"", "before"} or int(number) < 1:
            raise ValueError(f"not a crash point: {text!r}; say N or N-before")
        return cls(int(number), before=rest == "before")


class CrashingJournal(Journal):
    """A journal whose process is killed, as by ``kill -9``, at one record that it appends."""

    def __init__(self, directory: Path, point: CrashPoint) -> None:
        super().__init__(directory)
        self._point = point
        self._appended = 0
        self._counting = threading.Lock()

    def create(self, plan: Plan, *, place: str, actor: str, reason: str) -> RunId:
        """Make a run as a journal does, and die where its first record is the chosen one."""
        with self._dying_when_due():
            return super().create(plan, place=place, actor=actor, reason=reason)

    def append(self, run: RunId, kind: Kind, step: StepId, sentence: str, data: JsonObject) -> Record:
        """Append as a journal does, and die at the chosen record."""
        with self._dying_when_due():
            return super().append(run, kind, step, sentence, data)

    @contextmanager
    def _dying_when_due(self) -> Iterator[None]:
        with self._counting:
            self._appended += 1
            due = self._appended == self._point.number
            if due and self._point.before:
                _die()
            yield
            if due:
                _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    # The signal is delivered before kill() returns to a single thread; with several, nothing may run on meanwhile.
    signal.pause()
