"""A plan is data: steps with sentences, the commands they stand for, and what must come first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from stackmend.domain.values import JsonObject, StepId


@dataclass(frozen=True)
class Step:
    """One action to be carried out once.

    Attributes:
        id: unique within the plan and stable, such as ``move/3f2a…``.
        action: name of the action that carries it out, such as ``instance.migrate``.
        title: one sentence in the imperative.
        params: the action's parameters, JSON.
        group: path of headings it stands under, outermost first.
        commands: what an operator would have typed.
        needs: steps that must have ended well, or been skipped, before.
        lane: name of the limit it counts against while it applies its change; empty for none.
        ahead: whether it may be begun when its lane is full, one such at a time, because the world itself queues what
            it asks for (nova starts no more live migrations than the node's own limit).
        undo_first: whether an undo restores it before the steps that needed it, as the way back needs what it changed
            (a node whose scheduling is disabled takes no instance back).
    """

    id: StepId
    action: str
    title: str
    params: JsonObject = field(default_factory=dict)
    group: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    needs: tuple[StepId, ...] = ()
    lane: str = ""
    ahead: bool = False
    undo_first: bool = False


@dataclass(frozen=True)
class Plan:
    """What a run will do, all of it, before it does any of it.

    Attributes:
        runbook: name of the procedure, such as ``node maintain``.
        subject: the node it is about; two open runs on one subject are refused.
        title: one sentence.
        steps: in the order a person would read them; ``needs`` gives the order of execution.
        lanes: width of each lane: how many of its steps may apply at once.
        notes: sentences on what the plan leaves alone, and why.
        world: digest facts the plan rests on; a different digest at apply time means the world moved.
        options: the choices it was made with.
    """

    runbook: str
    subject: str
    title: str
    steps: tuple[Step, ...]
    lanes: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    world: JsonObject = field(default_factory=dict)
    options: JsonObject = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON-ready data, with its hash."""
        return {**asdict(self), "hash": self.hash}

    @property
    def hash(self) -> str:
        """Return the first 16 hex digits of the SHA-256 of the plan's canonical JSON."""
        canonical = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        """Return the plan that ``to_json`` gave; the hash is computed anew."""
        steps = tuple(
            Step(
                id=StepId(s["id"]),
                action=s["action"],
                title=s["title"],
                params=s["params"],
                group=tuple(s["group"]),
                commands=tuple(s["commands"]),
                needs=tuple(StepId(n) for n in s["needs"]),
                lane=s["lane"],
                ahead=s.get("ahead", False),
                undo_first=s["undo_first"],
            )
            for s in data["steps"]
        )
        return cls(
            runbook=data["runbook"],
            subject=data["subject"],
            title=data["title"],
            steps=steps,
            lanes=dict(data["lanes"]),
            notes=tuple(data["notes"]),
            world=data["world"],
            options=data["options"],
        )

    def step(self, step_id: str) -> Step:
        """Return the step with that id; KeyError where there is none."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)
