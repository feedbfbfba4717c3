"""What the engine is given: somebody who can carry out a step, and somebody who listens."""

from __future__ import annotations

from typing import Protocol

from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Plan, Step
from stackmend.domain.run import Record
from stackmend.domain.values import JsonObject, RunId, StepId
from stackmend.engine.context import StepContext


class Performer(Protocol):
    """Carries out steps; called from several threads, never twice at once for one step."""

    def prepare(self, step: Step, context: StepContext, /) -> Do | Skip:
        """Probe and decide; changes nothing."""

    def apply(self, step: Step, change: JsonObject, context: StepContext, /) -> Receipt:
        """Make a decided change; idempotent for one change."""

    def verify(self, step: Step, change: JsonObject, receipt: Receipt, context: StepContext, /) -> Receipt:
        """Read it back; changes nothing."""

    def undo(self, step: Step, change: JsonObject, context: StepContext, /) -> str:
        """Restore what the change recorded; idempotent."""

    def let_go(self, step: Step, change: JsonObject, context: StepContext, /) -> str:
        """End what still goes on of a change that is left as it is; return how it is left, empty for nothing."""


class Listener(Protocol):
    """Is told what happens, from the thread it happens in; it must be quick and must not raise."""

    def opened(self, run: RunId, plan: Plan, through: int) -> None:
        """Hear that a run is about to be carried out, or undone; ``through`` of its steps need nothing any more."""

    def recorded(self, record: Record) -> None:
        """Hear of a record that is in the journal."""

    def progressed(self, step: StepId, sentence: str, fraction: float | None) -> None:
        """Hear of progress within a step; ``fraction`` is 0 to 1, None where it is not known."""


class Silence:
    """A listener that does nothing."""

    def opened(self, run: RunId, plan: Plan, through: int) -> None:
        """Ignore it."""

    def recorded(self, record: Record) -> None:
        """Ignore it."""

    def progressed(self, step: StepId, sentence: str, fraction: float | None) -> None:
        """Ignore it."""
