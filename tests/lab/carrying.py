"""Carry out single actions on the lab without an engine: what a step is given, and the order of its calls."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stackmend.actions.base import Action
from stackmend.adapters.world import World
from stackmend.domain.outcome import Choice, Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.run import StepStatus
from stackmend.domain.values import JsonObject, RunId

OWN_RUN = RunId("r-lab-test")


@dataclass
class Memory:
    """A step's context that remembers in memory what the engine would journal."""

    run_id: RunId = OWN_RUN
    former_change: JsonObject | None = None
    changes: dict[str, JsonObject] = field(default_factory=dict)
    noted: list[JsonObject] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def choice(self) -> Choice | None:
        return None

    @property
    def stopping(self) -> bool:
        return False

    @property
    def notes(self) -> tuple[JsonObject, ...]:
        return tuple(self.noted)

    def note(self, data: JsonObject, sentence: str) -> None:
        self.noted.append(data)
        self.said.append(sentence)

    def progress(self, sentence: str, fraction: float | None = None) -> None:
        del fraction
        self.said.append(sentence)

    def status_of(self, step_id: str) -> StepStatus:
        return StepStatus(change=self.changes.get(step_id))


@dataclass
class Hand:
    """Takes the engine's part: everything that would be journaled goes through JSON."""

    world: World
    memory: Memory = field(default_factory=Memory)

    def decide(self, action: Action, step: Step) -> dict[str, Any] | Skip:
        """Return the change that was decided on."""
        decided = action.prepare(self.world, _json(step.params), self.memory)
        if isinstance(decided, Skip):
            return decided
        assert isinstance(decided, Do)
        self.memory.changes[step.id] = _json(decided.change)
        return _json(decided.change)

    def make(self, action: Action, change: dict[str, Any]) -> Receipt:
        """Make a decided change, and read it back."""
        receipt = action.apply(self.world, change, self.memory)
        return action.verify(self.world, change, receipt, self.memory)

    def carry_out(self, action: Action, step: Step) -> Receipt:
        """Decide and make; fail where there was nothing to do."""
        change = self.decide(action, step)
        assert not isinstance(change, Skip), change.sentence
        return self.make(action, change)

    def undo(self, action: Action, step: Step) -> str:
        """Take a step back."""
        return action.undo(self.world, _json(self.memory.changes[step.id]), self.memory)


def _json(data: Mapping[str, Any]) -> dict[str, Any]:
    return dict(json.loads(json.dumps(data)))
