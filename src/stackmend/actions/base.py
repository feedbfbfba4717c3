"""The contract of every single change, and the table of actions by name.

An action is stateless: all that it needs is in the step's parameters and in the change it decided on. The engine
journals the change *before* ``apply``, so that after a kill the same change is applied again (or undone) from the
journal and never decided anew: a former state that has been recorded is never overwritten by what stackmend itself did.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, Protocol

from stackmend.adapters.world import World
from stackmend.domain.outcome import Choice, Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.run import StepStatus
from stackmend.domain.values import JsonObject, RunId


class Context(Protocol):
    """What the engine gives a step while it is carried out."""

    @property
    def run_id(self) -> RunId:
        """Id of the run."""

    @property
    def choice(self) -> Choice | None:
        """A person's latest decision on this step, where there is one."""

    @property
    def notes(self) -> tuple[JsonObject, ...]:
        """What ``note`` recorded since the step's latest intent, oldest first; from before a kill too.

        While ``prepare`` decides anew after a failure, these are the notes of the attempt that failed.
        """

    @property
    def stopping(self) -> bool:
        """Whether the run starts nothing more. A change that only waits for its turn may be taken back then.

        ``apply`` does so by raising ``Withdrawn``.
        """

    @property
    def former_change(self) -> JsonObject | None:
        """The change of an earlier attempt of this step that failed; None where this is the first.

        A new decision must carry over the former state recorded in it: what the world shows now may be our own doing.
        """

    def note(self, data: JsonObject, sentence: str) -> None:
        """Journal something learnt while applying, such as the id of a migration; it is there after a kill."""

    def progress(self, sentence: str, fraction: float | None = None) -> None:
        """Show progress; not journaled. ``fraction`` is 0 to 1, None where it is not known."""

    def status_of(self, step_id: str) -> StepStatus:
        """Return what the journal says of another step of the run."""


class Action(ABC):
    """One kind of change: probe and decide, apply, verify, undo.

    ``prepare`` and ``verify`` change nothing. ``apply`` is idempotent for one change: called again with the same change
    after a kill at any point it ends in the same state. ``undo`` restores what the change recorded; it does not do the
    opposite. Parameters, changes and receipts are JSON objects.
    """

    name: ClassVar[str]

    @abstractmethod
    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Look at the world and decide; raise ``Refused`` or ``Failed`` where it must not go on."""

    @abstractmethod
    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Make the change, and return when it is made; raise ``Failed`` with the evidence."""

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """Read the change back from the world; raise ``Failed`` where it does not show."""
        return receipt

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Restore what the change recorded; return a sentence. Idempotent. The default has nothing to restore."""
        return "nothing to undo"

    def let_go(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """End what still goes on of a change that a person goes on without; return how it is left, empty for nothing.

        Raises:
            Failed: it can't be ended now; the step then waits on.
        """
        return ""


class Performer:
    """Carries out a step by its action's name: what the engine is given, so that it need know no OpenStack."""

    def __init__(self, world: World, actions: Iterable[Action]) -> None:
        self._world = world
        self._actions = {action.name: action for action in actions}

    def prepare(self, step: Step, context: Context) -> Do | Skip:
        """Probe and decide; changes nothing."""
        return self._actions[step.action].prepare(self._world, dict(step.params), context)

    def apply(self, step: Step, change: JsonObject, context: Context) -> Receipt:
        """Make a decided change."""
        return self._actions[step.action].apply(self._world, dict(change), context)

    def verify(self, step: Step, change: JsonObject, receipt: Receipt, context: Context) -> Receipt:
        """Read it back."""
        return self._actions[step.action].verify(self._world, dict(change), receipt, context)

    def undo(self, step: Step, change: JsonObject, context: Context) -> str:
        """Restore what the change recorded."""
        return self._actions[step.action].undo(self._world, dict(change), context)

    def let_go(self, step: Step, change: JsonObject, context: Context) -> str:
        """End what still goes on of it."""
        return self._actions[step.action].let_go(self._world, dict(change), context)
