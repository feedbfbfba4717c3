"""What a former run owes to its node."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from stackmend.domain.plan import Plan, Step
from stackmend.domain.run import Run, RunState, StepState, StepStatus
from stackmend.domain.values import NodeName, RunId, StepId
from stackmend.rules.returning import RETURNS, owed_to

NODE = NodeName("c01")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
CHANGE = {"former": {"enabled": True}, "made": {"enabled": False}}


def move(name: str) -> Step:
    return Step(StepId(f"move/{name}"), "instance.move", name, {"instance": name})


def moved(name: str) -> StepStatus:
    receipt = {"instance": name, "name": name, "source": "c01", "target": "c02", "mode": "live"}
    return StepStatus(StepState.DONE, receipt=receipt)


def drain(name: str, *, minute: int = 0, subject: str = "c01") -> Run:
    disable = Step(StepId("disable"), "scheduling.disable", "disable")
    plan = Plan("node drain", subject, "drain", (disable, move("a"), move("b")))
    steps = {
        StepId("disable"): StepStatus(StepState.DONE, change=CHANGE),
        StepId("move/a"): moved("a"),
        StepId("move/b"): StepStatus(StepState.SKIPPED),
    }
    created = NOON + timedelta(minutes=minute)
    return Run(RunId(name), plan, RunState.DONE, steps, created, created, "")


def returning(name: str, of: str, *, minute: int, state: RunState = RunState.DONE) -> Run:
    created = NOON + timedelta(minutes=minute)
    plan = Plan("node return", "c01", "return", (), options={RETURNS: [of]})
    return Run(RunId(name), plan, state, {}, created, created, "")


def test_what_was_moved_is_owed_and_what_was_not_is_not() -> None:
    owed = owed_to(NODE, [drain("r1")])
    assert owed is not None
    assert [(m.instance, m.home, m.place) for m in owed.moved] == [("a", "c01", "c02")]
    assert owed.scheduling == CHANGE


def test_other_nodes_runs_do_not_count() -> None:
    assert owed_to(NODE, [drain("r1", subject="c02")]) is None


def test_a_drain_that_was_returned_owes_nothing() -> None:
    assert owed_to(NODE, [drain("r1"), returning("r2", "r1", minute=1)]) is None


def test_a_return_that_was_aborted_pays_nothing_back() -> None:
    owed = owed_to(NODE, [drain("r1"), returning("r2", "r1", minute=1, state=RunState.ABORTED)])
    assert owed is not None
    assert owed.runs == ("r1",)


def test_an_undone_drain_owes_nothing() -> None:
    assert owed_to(NODE, [replace(drain("r1"), state=RunState.UNDONE)]) is None


def test_an_open_run_is_not_owed_from() -> None:
    assert owed_to(NODE, [replace(drain("r1"), state=RunState.PAUSED)]) is None


def test_a_drain_after_the_return_owes_anew() -> None:
    owed = owed_to(NODE, [drain("r2", minute=5), drain("r1"), returning("r3", "r1", minute=2)])
    assert owed is not None
    assert owed.runs == ("r2",)


def test_two_drains_in_a_row_owe_together_and_the_first_knows_the_former_scheduling() -> None:
    second = drain("r2", minute=1)
    found_disabled = {"former": {"enabled": False}, "made": {"enabled": False}}
    steps = {
        **second.steps,
        StepId("disable"): StepStatus(StepState.DONE, change=found_disabled),
        StepId("move/a"): StepStatus(StepState.SKIPPED),
    }
    owed = owed_to(NODE, [replace(second, steps=steps), drain("r1")])
    assert owed is not None
    assert owed.runs == ("r1", "r2")
    assert [m.instance for m in owed.moved] == ["a"]
    assert owed.scheduling == CHANGE


def test_a_maintenance_that_brought_everything_back_owes_nothing() -> None:
    run = drain("r1")
    back = Step(StepId("return/a"), "instance.return", "back", {"instance": "a"})
    restore = Step(StepId("restore"), "scheduling.restore", "restore")
    plan = replace(run.plan, steps=(*run.plan.steps, back, restore))
    steps = {**run.steps, back.id: StepStatus(StepState.DONE), restore.id: StepStatus(StepState.DONE)}
    assert owed_to(NODE, [replace(run, plan=plan, steps=steps)]) is None


def test_what_a_recovery_evacuated_is_told_apart() -> None:
    run = drain("r1")
    steps, plan = dict(run.steps), run.plan.steps
    for name, state in (("e", "active"), ("f", "stopped")):
        plan = (*plan, Step(StepId(f"evacuate/{name}"), "instance.evacuate", name, {"instance": name}))
        receipt = {"instance": name, "name": name, "source": "c01", "target": "c03"}
        steps[StepId(f"evacuate/{name}")] = StepStatus(StepState.DONE, change={"vm_state": state}, receipt=receipt)
    owed = owed_to(NODE, [replace(run, plan=replace(run.plan, steps=plan), steps=steps)])
    assert owed is not None
    assert [m.name for m in owed.moved] == ["a"]
    assert [(m.name, m.place, m.mode) for m in owed.evacuated] == [("e", "c03", "live"), ("f", "c03", "cold")]
