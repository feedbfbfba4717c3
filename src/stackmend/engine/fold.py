"""From records to a run's state; pure. The journal is the state, and this is how it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from stackmend.domain.plan import Plan
from stackmend.domain.run import Kind, Record, Run, RunState, StepState, StepStatus
from stackmend.domain.values import JsonObject, StepId
from stackmend.engine.journal import Header

RUN_STATES: Mapping[Kind, RunState] = {
    Kind.RUN_STARTED: RunState.RUNNING,
    Kind.RUN_RESUMED: RunState.RUNNING,
    Kind.RUN_PAUSED: RunState.PAUSED,
    Kind.RUN_INTERRUPTED: RunState.INTERRUPTED,
    Kind.UNDO_STARTED: RunState.UNDOING,
    Kind.RUN_DONE: RunState.DONE,
    Kind.RUN_UNDONE: RunState.UNDONE,
    Kind.RUN_ABORTED: RunState.ABORTED,
}


def run_state(state: RunState, record: Record) -> RunState:
    """Return the run's state after a record. An undo that was begun is never taken forward again."""
    following = RUN_STATES.get(record.kind, state)
    if state is RunState.UNDOING and following.is_open:
        return RunState.UNDOING
    return following


def step_status(status: StepStatus, record: Record) -> StepStatus:
    """Return a step's status after one of its records."""
    change = _CHANGES.get(record.kind)
    return change(status, record) if change else status


def pending(plan: Plan) -> dict[StepId, StepStatus]:
    """Return the statuses before the first record."""
    return {step.id: StepStatus() for step in plan.steps}


def fold(header: Header, records: Iterable[Record], *, pid: int | None) -> Run:
    """Return the run that its records tell.

    Args:
        header: what is fixed about it.
        records: all of them, in order.
        pid: of the process that carries it out now, 0 where that is not known; None where there is none.
    """
    steps = pending(header.plan)
    state, sentence, ended = RunState.RUNNING, "", None
    for record in records:
        if record.step:
            steps[record.step] = step_status(steps[record.step], record)
            continue
        state = run_state(state, record)
        sentence = record.sentence
        ended = None if state.is_open else record.at
    if state is RunState.RUNNING and pid is None:
        state = RunState.INTERRUPTED
        sentence = f"the process that carried it out is gone; go on with: stackmend runs resume {header.id}"
    return Run(
        id=header.id,
        plan=header.plan,
        state=state,
        steps=steps,
        created=header.created,
        ended=ended,
        sentence=sentence,
        pid=pid or 0,
        reason=header.reason,
        actor=header.actor,
    )


def notes(records: Iterable[Record]) -> tuple[JsonObject, ...]:
    """Return what a step noted since its latest intent, oldest first."""
    found: list[JsonObject] = []
    for record in records:
        if record.kind is Kind.STEP_INTENT:
            found.clear()
        elif record.kind is Kind.STEP_NOTE:
            found.append(record.data)
    return tuple(found)


def _started(status: StepStatus, record: Record) -> StepStatus:
    return replace(
        status,
        state=StepState.RUNNING,
        sentence=record.sentence,
        started=status.started or record.at,
        ended=None,
        error=None,
    )


def _intent(status: StepStatus, record: Record) -> StepStatus:
    return replace(status, sentence=record.sentence, change=_object(record.data["change"]))


def _applied(status: StepStatus, record: Record) -> StepStatus:
    return replace(_with_receipt(status, record), applied=record.at)


def _done(status: StepStatus, record: Record) -> StepStatus:
    return replace(_with_receipt(status, record), state=StepState.DONE, ended=record.at)


def _with_receipt(status: StepStatus, record: Record) -> StepStatus:
    commands = record.data["commands"]
    if not isinstance(commands, list):
        raise TypeError("a receipt's commands are a list")
    return replace(
        status,
        sentence=record.sentence,
        receipt=_object(record.data["receipt"]),
        commands=tuple(str(command) for command in commands),
    )


def _skipped(status: StepStatus, record: Record) -> StepStatus:
    choice = record.data.get("choice")
    return replace(
        status,
        state=StepState.SKIPPED,
        sentence=record.sentence,
        started=status.started or record.at,
        ended=record.at,
        choice=_object(choice) if choice else status.choice,
    )


def _failed(status: StepStatus, record: Record) -> StepStatus:
    error = _object(record.data["error"])
    return replace(status, state=StepState.FAILED, sentence=record.sentence, error=error, ended=record.at)


def _withdrawn(status: StepStatus, record: Record) -> StepStatus:
    return replace(status, state=StepState.PENDING, sentence=record.sentence, change=None, started=None)


def _chosen(status: StepStatus, record: Record) -> StepStatus:
    """A decision to try again: the step is decided anew, and what it had intended is kept for that and for an undo."""
    return replace(
        status,
        state=StepState.PENDING,
        sentence=record.sentence,
        choice=_object(record.data["choice"]),
        former=status.change if status.change is not None else status.former,
        change=None,
        receipt=None,
        applied=None,
        ended=None,
    )


def _undone(status: StepStatus, record: Record) -> StepStatus:
    return replace(status, state=StepState.UNDONE, sentence=record.sentence, ended=record.at)


def _object(value: object) -> JsonObject:
    if not isinstance(value, Mapping):
        raise TypeError(f"the journal holds {type(value).__name__} where an object belongs")
    return value


_CHANGES: Mapping[Kind, Callable[[StepStatus, Record], StepStatus]] = {
    Kind.STEP_STARTED: _started,
    Kind.STEP_INTENT: _intent,
    Kind.STEP_APPLIED: _applied,
    Kind.STEP_DONE: _done,
    Kind.STEP_SKIPPED: _skipped,
    Kind.STEP_FAILED: _failed,
    Kind.STEP_WITHDRAWN: _withdrawn,
    Kind.STEP_CHOICE: _chosen,
    Kind.STEP_UNDO_STARTED: _started,
    Kind.STEP_UNDONE: _undone,
    Kind.STEP_UNDO_FAILED: _failed,
}
