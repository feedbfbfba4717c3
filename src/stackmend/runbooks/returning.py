"""Return a compute node: start what was stopped, verify, restore its scheduling, bring its instances home."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stackmend.actions.homecoming import return_step
from stackmend.actions.scheduling import RestoreScheduling
from stackmend.actions.verify import VerifyNode
from stackmend.domain.health import Held
from stackmend.domain.node import Node
from stackmend.domain.plan import Plan, Step
from stackmend.domain.values import NodeName, StepId
from stackmend.errors import Code, Refused
from stackmend.rules.returning import RETURNS, Moved, Owed
from stackmend.runbooks.drain import UNLIMITED, lane_from
from stackmend.runbooks.services import release


@dataclass(frozen=True)
class Home:
    """What the way home is made of.

    Attributes:
        node: the node's name.
        disabled_before: whether an operator had disabled its scheduling before the drain: then the scheduler is passed
            by for live moves, and cold ones, which it must be asked for, are not made.
        limits: each other node's ``max_concurrent_live_migrations``.
        patience: seconds without progress after which a live migration is taken for not converging.
    """

    node: NodeName
    disabled_before: bool
    limits: Mapping[NodeName, int]
    patience: float


def plan_return(node: Node, owed: Owed | None, held: tuple[Held, ...], home: Home, *, stay: bool) -> Plan:
    """Return the plan that gives a node back what a former run owes it.

    Args:
        node: the node.
        owed: what drains owe it; None where nothing.
        held: units that stackmend holds there.
        home: how instances come home.
        stay: whether the instances are left where they are.

    Raises:
        Refused: there is nothing to return.
    """
    if owed is None and not held:
        raise Refused(
            Code.NOTHING_TO_RETURN,
            f"no run of stackmend has drained or stopped {node.name} and not returned it since",
            hint="`stackmend runs list` shows what was done",
        )
    starts = release(node, held, needs=())
    verify = VerifyNode.step(
        node.name, canary=True, group=(f"Verify {node.name}",), needs=tuple(step.id for step in starts)
    )
    steps = [*starts, verify]
    last: StepId = verify.id
    if owed is not None and owed.scheduling is not None:
        restore = RestoreScheduling.step_from(
            node.name, dict(owed.scheduling), group=(f"Return {node.name}",), needs=(verify.id,)
        )
        steps.append(restore)
        last = restore.id
    moved = () if stay or owed is None else owed.moved
    back, notes = bring_back(((m, {}) for m in moved), home, needs=(last,))
    kept = tuple(f"{m.name} stays on {m.place}, as asked" for m in owed.moved) if owed and stay else ()
    return Plan(
        runbook="node return",
        subject=node.name,
        title=f"Return {node.name}: bring {len(back)} of its instances back",
        steps=(*steps, *back),
        lanes=return_lanes(back, home),
        notes=(*notes, *kept),
        options={RETURNS: list(owed.runs) if owed else [], "stay": stay},
    )


def bring_back(
    moved: Iterable[tuple[Moved, Mapping[str, Any]]], home: Home, *, needs: tuple[StepId, ...]
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Return the steps that bring instances home, and sentences on those that cannot come.

    Args:
        moved: each instance, with further parameters of its step.
        home: how they come.
        needs: steps before.
    """
    steps, notes = [], []
    # cold ones last, as in the drain: they wait for an empty lane
    for instance, more in sorted(moved, key=lambda pair: pair[0].mode == "cold"):
        if home.disabled_before and instance.mode == "cold":
            notes.append(
                f"{instance.name} stays on {instance.place}: scheduling on {home.node} was disabled before the drain "
                "and stays so, and a cold move must go through nova's scheduler"
            )
            continue
        params = {
            "instance": instance.instance,
            "name": instance.name,
            "source": instance.place,
            "target": instance.home,
            "patience": home.patience,
            "force": home.disabled_before,
            **more,
        }
        steps.append(
            return_step(
                StepId(f"return/{instance.instance}"),
                params,
                mode=instance.mode,
                group=(f"Return {home.node}", "Bring its instances back"),
                needs=needs,
                lane=lane_from(instance.place),
            )
        )
    return tuple(steps), tuple(notes)


def return_lanes(steps: Iterable[Step], home: Home) -> dict[str, int]:
    """Return the widths of the lanes that returning steps are in."""
    widths = {lane_from(node): limit or UNLIMITED for node, limit in home.limits.items()}
    return {step.lane: widths.get(step.lane, 1) for step in steps}
