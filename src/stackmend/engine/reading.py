"""Reading runs: what the journal says, and whether a process is on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from stackmend.domain.plan import Plan
from stackmend.domain.run import Record, Run
from stackmend.domain.values import RunId, StepId
from stackmend.engine import fold
from stackmend.engine.claims import Claims
from stackmend.engine.journal import Header, Journal
from stackmend.errors import Code, Refused

Id = TypeVar("Id", bound=str)


class Runs:
    """All runs of a journal, to look at."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._claims = Claims(journal.directory)

    def get(self, run: RunId) -> Run:
        """Return a run as it stands now.

        Raises:
            Refused: there is none with that id.
        """
        # The holder is asked first: a process that ends in between has written its last record before it let go, so a
        # run that was finished is never taken for one whose process is gone.
        pid = self._claims.holder(run)
        header = self.header(run)
        return fold.fold(header, self._journal.records(run), pid=pid)

    def header(self, run: RunId) -> Header:
        """Return what is fixed about a run.

        Raises:
            Refused: there is none with that id.
        """
        header = self._journal.header(run)
        if header is None:
            raise _unknown_run(run)
        return header

    def records(self, run: RunId) -> tuple[Record, ...]:
        """Return what a run's journal holds, in order; nothing for a run that is not there."""
        return self._journal.records(run)

    def find(self, text: str) -> RunId:
        """Return the id of the run that the text names: an id, or the beginning or end of just one.

        Raises:
            Refused: it names no run, or more than one.
        """
        ids = self._journal.run_ids()
        found = _named(text, ids)
        if len(found) == 1:
            return found[0]
        if found:
            raise _ambiguous(Code.RUN_UNKNOWN, "run", text, found)
        raise _unknown_run(text)

    def latest(self, *, limit: int | None = None, open_only: bool = False) -> tuple[Run, ...]:
        """Return runs, the newest first; at most ``limit``."""
        newest_first = self._journal.run_ids(open_only=open_only)[::-1]
        return tuple(self.get(run) for run in newest_first[:limit])


def find_step(plan: Plan, text: str) -> StepId:
    """Return the id of the step that the text names: an id, or the beginning or end of just one.

    Raises:
        Refused: it names no step of the plan, or more than one.
    """
    found = _named(text, [step.id for step in plan.steps])
    if len(found) == 1:
        return found[0]
    if found:
        raise _ambiguous(Code.STEP_UNKNOWN, "step", text, found)
    raise Refused(
        Code.STEP_UNKNOWN,
        f"the run has no step {text!r}",
        hint="stackmend runs show lists its steps",
    )


def _named(text: str, ids: Sequence[Id]) -> list[Id]:
    if text in ids:
        return [each for each in ids if each == text]
    return [each for each in ids if text and (each.startswith(text) or each.endswith(text))]


def _unknown_run(text: str) -> Refused:
    return Refused(Code.RUN_UNKNOWN, f"there is no run {text!r}", hint="stackmend runs list shows them")


def _ambiguous(code: Code, what: str, text: str, found: Sequence[str]) -> Refused:
    return Refused(code, f"{text!r} names {len(found)} {what}s: {', '.join(found[:5])}", hint="give more of the id")
