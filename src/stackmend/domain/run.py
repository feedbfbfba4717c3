"""A run: a plan being carried out; its states, its journal's records and what can be read from them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from stackmend.domain.plan import Plan
from stackmend.domain.values import JsonObject, RunId, StepId


class RunState(enum.StrEnum):
    """Where a run stands. Open ones hold their subject; a second run on it is refused."""

    RUNNING = "running"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"
    UNDOING = "undoing"
    DONE = "done"
    UNDONE = "undone"
    ABORTED = "aborted"

    @property
    def is_open(self) -> bool:
        """Whether the run may go on and so holds its subject."""
        return self not in {RunState.DONE, RunState.UNDONE, RunState.ABORTED}


class StepState(enum.StrEnum):
    """Where one step of a run stands."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNDONE = "undone"


class Kind(enum.StrEnum):
    """Kinds of journal records. Step kinds come in the order started, intent, note…, then one ending."""

    RUN_STARTED = "run-started"
    RUN_RESUMED = "run-resumed"
    RUN_PAUSED = "run-paused"
    RUN_INTERRUPTED = "run-interrupted"
    RUN_DONE = "run-done"
    RUN_ABORTED = "run-aborted"
    UNDO_STARTED = "undo-started"
    RUN_UNDONE = "run-undone"
    STEP_STARTED = "step-started"
    STEP_INTENT = "step-intent"
    STEP_NOTE = "step-note"
    STEP_APPLIED = "step-applied"
    STEP_DONE = "step-done"
    STEP_SKIPPED = "step-skipped"
    STEP_FAILED = "step-failed"
    STEP_WITHDRAWN = "step-withdrawn"
    STEP_CHOICE = "step-choice"
    STEP_UNDO_STARTED = "step-undo-started"
    STEP_UNDONE = "step-undone"
    STEP_UNDO_FAILED = "step-undo-failed"


@dataclass(frozen=True)
class Record:
    """One line of a run's journal.

    Attributes:
        seq: grows by one with each record of the run.
        at: when it was written, UTC.
        kind: what happened.
        step: the step it is about; empty for the run itself.
        sentence: for a person.
        data: the change, the receipt, the error or the choice; JSON without secrets.
    """

    seq: int
    at: datetime
    kind: Kind
    step: StepId
    sentence: str
    data: JsonObject


@dataclass(frozen=True)
class StepStatus:
    """What the journal says of one step.

    Attributes:
        state: where it stands.
        sentence: the last word on it.
        change: the journaled intent; None before one was taken.
        receipt: data of what was done, read back; None before it was done.
        commands: what was really called.
        error: code, sentence, hint and evidence of the failure; None where it did not fail.
        started: first start.
        ended: last ending.
        applied: when its change was complete, before verification.
        choice: the person's latest decision on it, as verb and options; None for none.
        former: the intent of an attempt that failed and was given up for a new decision; None for none.
    """

    state: StepState = StepState.PENDING
    sentence: str = ""
    change: JsonObject | None = None
    receipt: JsonObject | None = None
    commands: tuple[str, ...] = ()
    error: JsonObject | None = None
    started: datetime | None = None
    ended: datetime | None = None
    applied: datetime | None = None
    choice: JsonObject | None = None
    former: JsonObject | None = None

    @property
    def owed(self) -> JsonObject | None:
        """The intent that an undo must take back; None where nothing was begun or all of it is undone."""
        if self.state is StepState.UNDONE:
            return None
        return self.change if self.change is not None else self.former


@dataclass(frozen=True)
class Run:
    """A run as its journal tells it.

    Attributes:
        id: such as ``r-20261122-1604-c01``.
        plan: the very plan that was shown.
        state: where it stands; a run whose process is gone is interrupted, whatever it last wrote.
        steps: what the journal says of each step of the plan.
        created: when it was made.
        ended: when it closed; None while it is open.
        sentence: the last word on it.
        pid: of the process that carries it out now; 0 for none.
        reason: the operator's reason or ticket; empty for none.
        actor: who started it.
    """

    id: RunId
    plan: Plan
    state: RunState
    steps: dict[StepId, StepStatus]
    created: datetime
    ended: datetime | None
    sentence: str
    pid: int = 0
    reason: str = ""
    actor: str = ""
