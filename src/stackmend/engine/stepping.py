"""One step's way: started, decided, applied, verified; or taken up again where a kill left it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping

from stackmend.domain.outcome import Receipt, Skip, Withdrawn
from stackmend.domain.plan import Step
from stackmend.domain.run import Kind
from stackmend.domain.values import JsonObject
from stackmend.engine.book import Book
from stackmend.engine.context import StepContext
from stackmend.engine.protocols import Performer
from stackmend.engine.scheduling import Turn
from stackmend.errors import Code, Failed, StackmendError

TRACEBACK_LINES = 12


class Stepper:
    """Carries steps of one run forward, and takes them back.

    Safety: no change is made whose intent is not in the journal, and an intent is never decided anew while its step may
    have been under way, so that what it recorded of the former state is from before the first touch.
    """

    def __init__(self, book: Book, performer: Performer) -> None:
        self._book = book
        self._performer = performer

    def forward(self, step: Step, turn: Turn) -> bool:
        """Carry a step out; return whether it ended well. The lane is left when its change is complete."""
        return self._guarded(step, Kind.STEP_FAILED, lambda: self._forward(step, turn))

    def back(self, step: Step, turn: Turn) -> bool:
        """Undo a step; return whether that ended well."""
        del turn  # an undo has no verification that could overlap with the next, and takes nothing back
        return self._guarded(step, Kind.STEP_UNDO_FAILED, lambda: self._back(step))

    def _forward(self, step: Step, turn: Turn) -> None:
        context = StepContext(self._book, step.id, turn.stopping)
        before = self._book.status(step.id)
        self._book.write(Kind.STEP_STARTED, step.id, step.title)
        change = before.change if before.change is not None else self._decide(step, context)
        if change is None:
            return
        if before.applied is not None and before.receipt is not None:
            receipt = Receipt(before.sentence, before.receipt, before.commands)
        else:
            receipt = self._apply(step, change, context)
        turn.leave_lane()
        verified = self._performer.verify(step, change, receipt, context)
        self._book.write(Kind.STEP_DONE, step.id, verified.sentence, _receipt_data(verified))

    def _decide(self, step: Step, context: StepContext) -> JsonObject | None:
        decision = self._performer.prepare(step, context)
        if isinstance(decision, Skip):
            self._book.write(Kind.STEP_SKIPPED, step.id, decision.sentence)
            return None
        # What apply gets is what the journal holds, so that the first time cannot differ from the time after a kill.
        written = self._book.write(Kind.STEP_INTENT, step.id, decision.sentence, {"change": decision.change})
        change = written["change"]
        if not isinstance(change, Mapping):
            raise TypeError("a change is an object")
        return change

    def _apply(self, step: Step, change: JsonObject, context: StepContext) -> Receipt:
        receipt = self._performer.apply(step, change, context)
        self._book.write(Kind.STEP_APPLIED, step.id, receipt.sentence, _receipt_data(receipt))
        return receipt

    def _back(self, step: Step) -> None:
        owed = self._book.status(step.id).owed
        if owed is None:
            return
        self._book.write(Kind.STEP_UNDO_STARTED, step.id, f"undo: {step.title}")
        sentence = self._performer.undo(step, owed, StepContext(self._book, step.id))
        self._book.write(Kind.STEP_UNDONE, step.id, sentence)

    def _guarded(self, step: Step, kind: Kind, work: Callable[[], None]) -> bool:
        try:
            work()
        except Withdrawn as withdrawn:
            self._book.write(Kind.STEP_WITHDRAWN, step.id, withdrawn.sentence)
            return False
        except StackmendError as error:
            self._book.write(kind, step.id, error.sentence, {"error": _error_data(error)})
            return False
        # Supervision point one of three: a bug in an action ends its step, not the run's record of it.
        except Exception as error:  # noqa: BLE001
            crash = _crash(error)
            self._book.write(kind, step.id, crash.sentence, {"error": _error_data(crash)})
            return False
        return True


def _receipt_data(receipt: Receipt) -> JsonObject:
    return {"receipt": receipt.data, "commands": list(receipt.commands)}


def _error_data(error: StackmendError) -> JsonObject:
    return {
        "code": str(error.code),
        "sentence": error.sentence,
        "hint": error.hint,
        "evidence": {name: str(value) for name, value in error.evidence.items()},
    }


def _crash(error: Exception) -> Failed:
    last_lines = "".join(traceback.format_exception(error)).rstrip().splitlines()[-TRACEBACK_LINES:]
    return Failed(
        Code.STEP_CRASHED,
        f"stackmend itself failed here: {type(error).__name__}: {error}",
        hint="a bug; the change it was making may be half made. Report it with the evidence, then retry or undo",
        evidence={"traceback": "\n".join(last_lines)},
    )
