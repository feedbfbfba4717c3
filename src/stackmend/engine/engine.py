"""Runs, carried out: start, resume, retry, skip, undo, stop."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

from stackmend.domain.plan import Plan
from stackmend.domain.run import Kind, Run, RunState, StepState
from stackmend.domain.values import JsonObject, RunId, StepId
from stackmend.engine import scheduling
from stackmend.engine.book import NO_STEP, Book
from stackmend.engine.closing import claimed
from stackmend.engine.context import StepContext
from stackmend.engine.journal import Journal, SubjectBusy
from stackmend.engine.protocols import Listener, Performer
from stackmend.engine.reading import Runs
from stackmend.engine.scheduling import Schedule
from stackmend.engine.stepping import Stepper
from stackmend.errors import Code, Refused

_THROUGH = frozenset({StepState.DONE, StepState.SKIPPED})
_DECIDABLE = frozenset({StepState.FAILED, StepState.RUNNING})
"""States in which a person may decide on a step of a run that nobody carries out; running means killed half-way."""


class Engine:
    """Carries out plans, and takes up again what was left.

    Every call that carries a run out holds its claim while it lasts, and returns the run as it is then: done, undone,
    paused at a failure, or interrupted by ``stop``.

    Args:
        journal: the one record of what is done.
        performer: carries out a step.
        listener: is told what happens.
        place: where the performer works, such as a cloud's name; a run is only taken up where it was started.
    """

    def __init__(self, journal: Journal, performer: Performer, listener: Listener, *, place: str = "") -> None:
        self._journal = journal
        self._place = place
        self._performer = performer
        self._listener = listener
        self._runs = Runs(journal)
        self._stopping = False
        self._schedule: Schedule | None = None

    def start(self, plan: Plan, *, actor: str, reason: str = "") -> Run:
        """Make a run of a plan; nothing of it is carried out yet.

        Raises:
            Refused: an open run holds the plan's subject.
            ValueError: the plan cannot be scheduled, which is a runbook's mistake.
        """
        scheduling.check(plan)
        try:
            run = self._journal.create(plan, place=self._place, actor=actor, reason=reason)
        except SubjectBusy as busy:
            raise _busy(self._runs.get(RunId(busy.args[0]))) from None
        return self._runs.get(run)

    def carry_out(self, run: RunId) -> Run:
        """Carry a run out to its end or to a pause; steps that failed stay failed until somebody decides.

        Raises:
            Refused: there is no such run, it is closed, or another process carries it out.
        """
        with self._open(run) as book:
            return self._go_on(book)

    def resume(self, run: RunId) -> Run:
        """Go on with a run that was killed, interrupted or paused: failed steps are tried again, an undo goes on.

        Raises:
            Refused: there is no such run, it is closed, or another process carries it out.
        """
        with self._open(run) as book:
            if book.state is not RunState.UNDOING:
                for step in _steps_in(book, StepState.FAILED):
                    self._try_again(book, step, {})
            return self._go_on(book)

    def retry(self, run: RunId, step: StepId, options: Mapping[str, str]) -> Run:
        """Decide a failed step anew, with options for its action such as ``mode=cold``, and go on.

        Raises:
            Refused: as for ``resume``; or the step waits for no decision.
        """
        with self._open(run) as book:
            _check_decidable(book, step)
            self._try_again(book, step, options)
            return self._go_on(book)

    def skip(self, run: RunId, step: StepId, *, actor: str) -> Run:
        """Leave a failed step as it is, let what needs it go on, and carry the run on.

        Raises:
            Refused: as for ``resume``; or the step waits for no decision.
            Failed: what still goes on of the step can't be ended; it waits on.
        """
        with self._open(run) as book:
            _check_decidable(book, step)
            left = self._let_go(book, step)
            choice: JsonObject = {"verb": "skip", "options": {"actor": actor}}
            words = f"{actor} chose to go on without it{': ' + left if left else ''}"
            book.write(Kind.STEP_SKIPPED, step, words, {"choice": choice})
            return self._go_on(book)

    def undo(self, run: RunId) -> Run:
        """Take back, in reverse order, what the run's steps changed; again where that was stopped or failed.

        Raises:
            Refused: there is no such run, it is closed, or another process carries it out.
        """
        with self._open(run) as book:
            if book.state is not RunState.UNDOING:
                book.write(Kind.UNDO_STARTED, NO_STEP, "taking back what the run changed")
            return self._go_back(book)

    def stop(self) -> None:
        """End what is carried out between steps; may be called from a signal handler and from any thread."""
        self._stopping = True
        if self._schedule is not None:
            self._schedule.stop()

    def _open(self, run: RunId) -> AbstractContextManager[Book]:
        header = self._runs.header(run)
        if header.place != self._place:
            raise Refused(
                Code.RUN_UNKNOWN,
                f"run {run} was started on {header.place or 'no cloud'}, and this is {self._place or 'none'}",
                hint="name that cloud",
            )
        return claimed(self._journal, run, self._listener)

    def _let_go(self, book: Book, step: StepId) -> str:
        owed = book.status(step).owed
        if owed is None:
            return ""
        return self._performer.let_go(book.plan.step(step), owed, StepContext(book, step))

    def _try_again(self, book: Book, step: StepId, options: Mapping[str, str]) -> None:
        # Without options the former ones stand: who asked for a cold move does not get a live one by a bare resume.
        former = book.status(step).choice
        kept = former["options"] if former is not None and not options else dict(options)
        words = ", ".join(f"{name}={value}" for name, value in options.items())
        choice: JsonObject = {"verb": "retry", "options": kept}
        book.write(Kind.STEP_CHOICE, step, f"try again{' with ' + words if words else ''}", {"choice": choice})

    def _go_on(self, book: Book) -> Run:
        if book.state is RunState.UNDOING:
            return self._go_back(book)
        through = [step.id for step in book.plan.steps if book.status(step.id).state in _THROUGH]
        self._listener.opened(book.run_id, book.plan, len(through))
        book.write(Kind.RUN_RESUMED, NO_STEP, "carrying out the plan")
        stepper = Stepper(book, self._performer)
        self._run(Schedule(book.plan, stepper.forward), through, _steps_in(book, StepState.FAILED))
        self._close_forward(book)
        return self._runs.get(book.run_id)

    def _go_back(self, book: Book) -> Run:
        through = [step.id for step in book.plan.steps if book.status(step.id).owed is None]
        self._listener.opened(book.run_id, book.plan, len(through))
        stepper = Stepper(book, self._performer)
        self._run(Schedule(book.plan, stepper.back, backwards=True), through, [])
        self._close_backward(book)
        return self._runs.get(book.run_id)

    def _run(self, schedule: Schedule, through: list[StepId], blocked: list[StepId]) -> None:
        self._schedule = schedule
        if self._stopping:
            schedule.stop()
        schedule.run(through, blocked)
        self._schedule = None

    def _close_forward(self, book: Book) -> None:
        if failed := _steps_in(book, StepState.FAILED):
            wait = "step failed and waits" if len(failed) == 1 else "steps failed and wait"
            words = f"{len(failed)} {wait} for a decision"
            book.write(Kind.RUN_PAUSED, NO_STEP, words, {"steps": list(failed)})
        elif all(book.status(step.id).state in _THROUGH for step in book.plan.steps):
            book.write(Kind.RUN_DONE, NO_STEP, "every step of the plan is done")
        else:
            words = f"stopped between steps; go on with: stackmend runs resume {book.run_id}"
            book.write(Kind.RUN_INTERRUPTED, NO_STEP, words)

    def _close_backward(self, book: Book) -> None:
        owed = [step.id for step in book.plan.steps if book.status(step.id).owed is not None]
        if not owed:
            book.write(Kind.RUN_UNDONE, NO_STEP, "everything that the run changed is taken back")
        elif any(book.status(step).state is StepState.FAILED for step in owed):
            words = (
                f"the undo is paused, {len(owed)} changes are left; try again with: stackmend runs undo {book.run_id}"
            )
            book.write(Kind.RUN_PAUSED, NO_STEP, words, {"steps": list(owed)})
        else:
            words = f"the undo was stopped between steps; go on with: stackmend runs resume {book.run_id}"
            book.write(Kind.RUN_INTERRUPTED, NO_STEP, words)


def _steps_in(book: Book, state: StepState) -> list[StepId]:
    return [step.id for step in book.plan.steps if book.status(step.id).state is state]


def _check_decidable(book: Book, step: StepId) -> None:
    state = book.status(step).state
    if book.state is RunState.UNDOING:
        raise Refused(
            Code.STEP_NOT_PAUSED,
            f"run {book.run_id} is being taken back; its steps are not carried out any more",
            hint=f"try the undo again with: stackmend runs undo {book.run_id}",
        )
    if state not in _DECIDABLE:
        raise Refused(
            Code.STEP_NOT_PAUSED,
            f"step {step} is {state} and waits for no decision",
            hint=f"stackmend runs show {book.run_id} names the steps that do",
        )


def _busy(run: Run) -> Refused:
    return Refused(
        Code.NODE_BUSY,
        f"run {run.id} on {run.plan.subject} is {run.state}: {run.plan.title}",
        hint=f"look at it with: stackmend runs show {run.id}; then resume, undo or abort it",
        evidence={"run": run.id, "state": run.state},
    )
