"""From records to states; every state a run can be in is read from records alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from files import plan

from stackmend.domain.run import Kind, Record, Run, RunState, StepState
from stackmend.domain.values import RunId, StepId
from stackmend.engine.fold import fold, notes
from stackmend.engine.journal import Header

BEGIN = datetime(2026, 11, 22, 16, 4, tzinfo=UTC)
A = StepId("write/a")
HEADER = Header(RunId("r-1"), "lab", plan(), BEGIN, "yuki", "CHG-7")

INTENT: tuple[Kind, Mapping[str, Any]] = (Kind.STEP_INTENT, {"change": {"before": 1}})
RECEIPT: Mapping[str, Any] = {"receipt": {"seconds": 3}, "commands": ["one", "two"]}
FAILED: tuple[Kind, Mapping[str, Any]] = (Kind.STEP_FAILED, {"error": {"code": "no-room"}})
AGAIN: tuple[Kind, Mapping[str, Any]] = (Kind.STEP_CHOICE, {"choice": {"verb": "retry", "options": {}}})


def records(*kinds: Kind | tuple[Kind, Mapping[str, Any]]) -> list[Record]:
    made = []
    for seq, kind in enumerate(kinds, 1):
        name, data = kind if isinstance(kind, tuple) else (kind, {})
        step = A if name.startswith("step-") else StepId("")
        made.append(Record(seq, BEGIN + timedelta(seconds=seq), name, step, f"sentence {seq}", data))
    return made


def folded(*kinds: Kind | tuple[Kind, Mapping[str, Any]], pid: int | None = 7) -> Run:
    return fold(HEADER, records(Kind.RUN_STARTED, *kinds), pid=pid)


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        ((), RunState.RUNNING),
        ((Kind.RUN_PAUSED,), RunState.PAUSED),
        ((Kind.RUN_PAUSED, Kind.RUN_RESUMED), RunState.RUNNING),
        ((Kind.RUN_INTERRUPTED,), RunState.INTERRUPTED),
        ((Kind.RUN_DONE,), RunState.DONE),
        ((Kind.RUN_ABORTED,), RunState.ABORTED),
        ((Kind.RUN_PAUSED, Kind.UNDO_STARTED), RunState.UNDOING),
        ((Kind.UNDO_STARTED, Kind.RUN_PAUSED), RunState.UNDOING),
        ((Kind.UNDO_STARTED, Kind.RUN_INTERRUPTED), RunState.UNDOING),
        ((Kind.UNDO_STARTED, Kind.RUN_UNDONE), RunState.UNDONE),
        ((Kind.UNDO_STARTED, Kind.RUN_ABORTED), RunState.ABORTED),
    ],
)
def test_states_of_a_run(kinds: tuple[Kind, ...], state: RunState) -> None:
    run = folded(*kinds)
    assert run.state is state
    assert (run.ended is None) == state.is_open


def test_a_running_run_without_a_process_is_interrupted_and_says_how_to_go_on() -> None:
    run = folded(Kind.RUN_RESUMED, pid=None)
    assert run.state is RunState.INTERRUPTED
    assert "stackmend runs resume r-1" in run.sentence
    assert folded(Kind.RUN_PAUSED, pid=None).state is RunState.PAUSED


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        ((), StepState.PENDING),
        ((Kind.STEP_STARTED,), StepState.RUNNING),
        ((Kind.STEP_STARTED, INTENT, (Kind.STEP_APPLIED, RECEIPT)), StepState.RUNNING),
        ((Kind.STEP_STARTED, INTENT, (Kind.STEP_DONE, RECEIPT)), StepState.DONE),
        ((Kind.STEP_STARTED, Kind.STEP_SKIPPED), StepState.SKIPPED),
        ((Kind.STEP_STARTED, INTENT, FAILED), StepState.FAILED),
        ((Kind.STEP_STARTED, INTENT, FAILED, AGAIN), StepState.PENDING),
        ((Kind.STEP_STARTED, INTENT, Kind.STEP_UNDO_STARTED), StepState.RUNNING),
        ((Kind.STEP_STARTED, INTENT, Kind.STEP_UNDO_STARTED, Kind.STEP_UNDONE), StepState.UNDONE),
    ],
)
def test_states_of_a_step(kinds: tuple[Kind, ...], state: StepState) -> None:
    assert folded(*kinds).steps[A].state is state


def test_times_receipt_and_commands_of_a_step() -> None:
    status = folded(Kind.STEP_STARTED, INTENT, (Kind.STEP_APPLIED, RECEIPT), (Kind.STEP_DONE, RECEIPT)).steps[A]
    assert (status.started, status.applied, status.ended) == tuple(BEGIN + timedelta(seconds=n) for n in (2, 4, 5))
    assert status.receipt == {"seconds": 3}
    assert status.commands == ("one", "two")


def test_an_intent_that_failed_is_kept_until_it_is_undone() -> None:
    failed = folded(Kind.STEP_STARTED, INTENT, FAILED).steps[A]
    assert (failed.change, failed.former, failed.owed) == ({"before": 1}, None, {"before": 1})
    again = folded(Kind.STEP_STARTED, INTENT, FAILED, AGAIN, Kind.STEP_STARTED, FAILED, AGAIN).steps[A]
    assert (again.change, again.former, again.owed) == (None, {"before": 1}, {"before": 1})
    undone = folded(Kind.STEP_STARTED, INTENT, FAILED, AGAIN, Kind.STEP_UNDO_STARTED, Kind.STEP_UNDONE).steps[A]
    assert undone.owed is None


def test_notes_are_those_since_the_latest_intent() -> None:
    note: tuple[Kind, Mapping[str, Any]] = (Kind.STEP_NOTE, {"migration": 1})
    later: tuple[Kind, Mapping[str, Any]] = (Kind.STEP_NOTE, {"migration": 2})
    assert notes(records(Kind.STEP_STARTED, INTENT, note, FAILED, AGAIN, Kind.STEP_STARTED)) == ({"migration": 1},)
    assert notes(records(INTENT, note, FAILED, AGAIN, INTENT, later, Kind.STEP_STARTED)) == ({"migration": 2},)
