"""What a former run left to be given back: read from its journal, decided without asking the world."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stackmend.domain.run import Run, RunState, StepState, StepStatus
from stackmend.domain.values import InstanceId, NodeName, RunId

MOVE = "instance.move"
EVACUATED = frozenset({"instance.evacuate", "instance.settle"})
"""Actions after which an instance belongs to another node than the one that died: by nova, or by its rows."""
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
    """What runs owe to their node.

    Attributes:
        runs: that owe it, oldest first.
        moved: instances to bring back.
        scheduling: the journaled change of the first step that disabled scheduling: the later ones found it disabled.
        evacuated: what a recovery or a salvage started elsewhere; it comes home only where that is asked for.
    """

    runs: tuple[RunId, ...]
    moved: tuple[Moved, ...]
    scheduling: Mapping[str, Any] | None
    evacuated: tuple[Moved, ...] = ()

    @property
    def disabled_before(self) -> bool:
        """Whether an operator had disabled the node before the first of the drains."""
        return self.scheduling is not None and not self.scheduling["former"]["enabled"]


def owed_to(node: NodeName, runs: Iterable[Run]) -> Owed | None:
    """Return what the closed drains of a node still owe it, all those that no return has paid back; None for nothing.

    Args:
        node: its name.
        runs: all runs known.
    """
    mine = sorted((r for r in runs if r.plan.subject == node and not r.state.is_open), key=lambda r: r.created)
    returned = {str(of) for r in mine if r.state is RunState.DONE for of in _list(r.plan.options.get(RETURNS))}
    drains = [r for r in mine if r.state in {RunState.DONE, RunState.ABORTED} and r.id not in returned]
    owing = [owed for owed in map(_owed, drains) if owed.moved or owed.scheduling is not None]
    if not owing:
        return None
    latest = {m.instance: m for owed in owing for m in owed.moved}
    first = next((owed.scheduling for owed in owing if owed.scheduling is not None), None)
    evacuated = {m.instance: m for owed in owing for m in owed.evacuated}
    runs_owing = tuple(run for owed in owing for run in owed.runs)
    return Owed(runs_owing, tuple(latest.values()), first, tuple(evacuated.values()))


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _owed(run: Run) -> Owed:
    done = {s.id: run.steps[s.id] for s in run.plan.steps if run.steps[s.id].state is StepState.DONE}
    back = {s.params["instance"] for s in run.plan.steps if s.action == RETURN and s.id in done}
    gone = [s for s in run.plan.steps if s.id in done and s.params.get("instance") not in back]
    moved = [_moved(done[s.id], str((done[s.id].receipt or {}).get("mode"))) for s in gone if s.action == MOVE]
    evacuated = [_moved(done[s.id], _mode_home(done[s.id])) for s in gone if s.action in EVACUATED]
    restored = any(s.action == "scheduling.restore" and s.id in done for s in run.plan.steps)
    disabled = [done[s.id].change for s in run.plan.steps if s.action == DISABLE and s.id in done]
    return Owed((run.id,), tuple(moved), disabled[-1] if disabled and not restored else None, tuple(evacuated))


def _moved(status: StepStatus, mode: str) -> Moved:
    """Return an instance that a step moved, as its receipt says."""
    receipt: Mapping[str, Any] = status.receipt or {}
    return Moved(
        instance=InstanceId(receipt["instance"]),
        name=receipt["name"],
        home=NodeName(receipt["source"]),
        place=NodeName(receipt["target"]),
        mode=mode,
    )


def _mode_home(status: StepStatus) -> str:
    """Return how an evacuated instance comes home: live where it ran before its node died."""
    change: Mapping[str, Any] = status.change or {}
    return "live" if change.get("vm_state") == "active" else "cold"
