"""In which order an undo takes steps back."""

from __future__ import annotations

from stackmend.domain.plan import Plan, Step
from stackmend.domain.values import StepId
from stackmend.engine.scheduling import Schedule, Turn


def order(*steps: Step) -> list[str]:
    seen: list[str] = []

    def work(step: Step, turn: Turn) -> bool:
        del turn
        seen.append(step.id)
        return True

    plan = Plan(runbook="test", subject="c01", title="Test", steps=steps, lanes={"one": 1})
    Schedule(plan, work, backwards=True).run([], [])
    return seen


def step(name: str, *needs: str, undo_first: bool = False) -> Step:
    return Step(StepId(name), "a", name, needs=tuple(StepId(n) for n in needs), lane="one", undo_first=undo_first)


def test_dependants_are_taken_back_first() -> None:
    assert order(step("a"), step("b", "a"), step("c", "b")) == ["c", "b", "a"]


def test_a_step_that_the_way_back_needs_is_taken_back_before_its_dependants() -> None:
    assert order(step("a", undo_first=True), step("b", "a"), step("c", "a", "b")) == ["a", "c", "b"]
