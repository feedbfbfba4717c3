"""What a step is given while it is carried out; satisfies ``stackmend.actions.base.Context``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from stackmend.domain.outcome import Choice
from stackmend.domain.run import Kind, StepStatus
from stackmend.domain.values import JsonObject, RunId, StepId


class Pages(Protocol):
    """What a context needs of the run's book."""

    @property
    def run_id(self) -> RunId:
        """Id of the run."""

    def write(self, kind: Kind, step: StepId, sentence: str, data: JsonObject | None = None) -> JsonObject:
        """Journal a record and return its data as it was read back."""

    def status(self, step: StepId) -> StepStatus:
        """Return what the journal says of a step."""

    def notes(self, step: StepId) -> tuple[JsonObject, ...]:
        """Return what a step noted since its latest intent."""

    def progress(self, step: StepId, sentence: str, fraction: float | None) -> None:
        """Tell the listener."""


class StepContext:
    """One step's view of its run."""

    def __init__(self, book: Pages, step: StepId, stopping: Callable[[], bool] = lambda: False) -> None:
        self._book = book
        self._step = step
        self._stopping = stopping

    @property
    def run_id(self) -> RunId:
        """Id of the run."""
        return self._book.run_id

    @property
    def choice(self) -> Choice | None:
        """A person's latest decision on this step, where there is one."""
        choice = self._book.status(self._step).choice
        if choice is None:
            return None
        options = choice["options"]
        if not isinstance(options, dict):
            raise TypeError("a choice's options are an object")
        return Choice(str(choice["verb"]), {name: str(value) for name, value in options.items()})

    @property
    def notes(self) -> tuple[JsonObject, ...]:
        """What ``note`` recorded since the step's latest intent, oldest first."""
        return self._book.notes(self._step)

    @property
    def stopping(self) -> bool:
        """Whether the run starts nothing more: a step failed, or a person asked it to end."""
        return self._stopping()

    @property
    def former_change(self) -> JsonObject | None:
        """The change of an attempt that failed; None where this is the first."""
        return self._book.status(self._step).former

    def note(self, data: JsonObject, sentence: str) -> None:
        """Journal something learnt while applying."""
        self._book.write(Kind.STEP_NOTE, self._step, sentence, data)

    def progress(self, sentence: str, fraction: float | None = None) -> None:
        """Tell the listener; nothing is journaled."""
        self._book.progress(self._step, sentence, fraction)

    def status_of(self, step_id: str) -> StepStatus:
        """Return what the journal says of another step of the run; KeyError where the plan has none with that id."""
        return self._book.status(StepId(step_id))
