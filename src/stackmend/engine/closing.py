"""Claiming a run to write to it, and closing it as it is; needs nobody who could carry out a step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from stackmend.domain.run import Kind, Run, StepState
from stackmend.domain.values import RunId
from stackmend.engine.book import NO_STEP, Book
from stackmend.engine.claims import Claims
from stackmend.engine.journal import Journal
from stackmend.engine.protocols import Listener, Silence
from stackmend.engine.reading import Runs
from stackmend.errors import Code, Refused


@contextmanager
def claimed(journal: Journal, run: RunId, listener: Listener) -> Iterator[Book]:
    """Hold an open run while the block lasts, and give its book.

    Raises:
        Refused: there is no such run, it is closed, or another process carries it out.
    """
    plan = Runs(journal).header(run).plan
    with Claims(journal.directory).held(run):
        book = Book(journal, run, plan, listener)
        if not book.state.is_open:
            raise Refused(
                Code.RUN_NOT_OPEN,
                f"run {run} is {book.state}; nothing more can be done with it",
                hint="stackmend runs show tells what it did; a new plan starts a new run",
            )
        yield book


def abort(journal: Journal, run: RunId, *, actor: str) -> tuple[str, ...]:
    """Close a run as it is; return a sentence for each change that is left in the world.

    Works when the cloud does not: nothing but the journal is asked.

    Raises:
        Refused: there is no such run, it is closed, or another process carries it out.
    """
    with claimed(journal, run, Silence()) as book:
        left = what_is_left(Runs(journal).get(run))
        changes = "1 change is" if len(left) == 1 else f"{len(left)} changes are"
        words = f"{actor} closed the run as it was; {changes} left in the world"
        book.write(Kind.RUN_ABORTED, NO_STEP, words, {"left": list(left)})
        return left


def what_is_left(run: Run) -> tuple[str, ...]:
    """Return a sentence for each change of a run that is in the world, or may be, and is not taken back."""
    left = []
    for step in run.plan.steps:
        status = run.steps[step.id]
        if status.owed is None:
            continue
        whole = "done" if status.state is StepState.DONE else "begun, perhaps half done"
        left.append(f"{step.id}: {step.title} ({whole}): {status.sentence}")
    return tuple(left)
