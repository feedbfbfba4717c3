"""What a former run left to be given back: read from its journal, decided without asking the world."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stackmend.domain.run import Run, RunState, StepState
from stackmend.domain.values import InstanceId, NodeName, RunId

MOVE = "instance.move"
RETURN = "instance.return"
DISABLE = "scheduling.disable"
RETURNS = "returns"


@dataclass(frozen=True)
class Moved:
    """An instance that a drain moved and that has not been brought back since.

    Attributes:
        instance: id.
        name: for sentences.
        home: node the drain took it from.
        place: node the drain put it on.
        mode: ``live`` or ``cold``.
    """

    instance: InstanceId
    name: str
    home: NodeName
    place: NodeName
    mode: str


@dataclass(frozen=True)
class Owed:
    """What a run owes to its node.

    Attributes:
        run: that owes it.
        moved: instances to bring back.
        scheduling: the journaled change of the step that disabled scheduling; None where none did.
    """

    run: RunId
    moved: tuple[Moved, ...]
    scheduling: Mapping[str, Any] | None


def owed_to(node: NodeName, runs: Iterable[Run]) -> Owed | None:
    """Return what the newest closed drain of a node still owes it; None where nothing is owed.

    Args:
        node: its name.
        runs: all runs known.
    """
    mine = sorted((r for r in runs if r.plan.subject == node and not r.state.is_open), key=lambda r: r.created)
    returned = {str(r.plan.options[RETURNS]) for r in mine if r.state is RunState.DONE and RETURNS in r.plan.options}
    drains = [r for r in mine if r.state in {RunState.DONE, RunState.ABORTED} and r.id not in returned and _drained(r)]
    return _owed(drains[-1]) if drains else None


def _drained(run: Run) -> bool:
    owed = _owed(run)
    return bool(owed.moved) or owed.scheduling is not None


def _owed(run: Run) -> Owed:
    done = {s.id: run.steps[s.id] for s in run.plan.steps if run.steps[s.id].state is StepState.DONE}
    back = {s.params["instance"] for s in run.plan.steps if s.action == RETURN and s.id in done}
    moved = []
    for step in run.plan.steps:
        if step.action == MOVE and step.id in done and step.params["instance"] not in back:
            receipt: Mapping[str, Any] = done[step.id].receipt or {}
            moved.append(
                Moved(
                    instance=InstanceId(receipt["instance"]),
                    name=receipt["name"],
                    home=NodeName(receipt["source"]),
                    place=NodeName(receipt["target"]),
                    mode=receipt["mode"],
                )
            )
    restored = any(s.action == "scheduling.restore" and s.id in done for s in run.plan.steps)
    disabled = [done[s.id].change for s in run.plan.steps if s.action == DISABLE and s.id in done]
    return Owed(run.id, tuple(moved), disabled[-1] if disabled and not restored else None)
