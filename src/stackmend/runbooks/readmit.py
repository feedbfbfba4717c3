"""Readmit a compute node that was recovered: reconcile, force up, verify, give its scheduling back."""

from __future__ import annotations

from stackmend.actions.clear_directories import ClearDirectories
from stackmend.actions.clear_domains import ClearDomains
from stackmend.actions.clear_records import ClearRecords
from stackmend.actions.forcing import ForceUp
from stackmend.actions.reconcile import Reconcile
from stackmend.actions.scheduling import RestoreScheduling
from stackmend.actions.verify import VerifyNode
from stackmend.domain.health import Held
from stackmend.domain.instance import ComputeService
from stackmend.domain.node import Node
from stackmend.domain.plan import Plan, Step
from stackmend.domain.values import NodeName, StepId
from stackmend.errors import Code, Refused
from stackmend.rules.returning import RETURNS, Owed
from stackmend.runbooks.returning import Home, bring_back, return_lanes
from stackmend.runbooks.services import release

TRASH_DAYS = 14.0
"""How long directories that are left stay in the trash."""


def plan_readmit(  # noqa: PLR0913 - what is known of the node, and what is wanted of it
    machine: Node,
    service: ComputeService,
    owed: Owed | None,
    held: tuple[Held, ...] = (),
    left: tuple[str, ...] = (),
    *,
    canary: bool,
    clean_up: bool = False,
    home: Home | None = None,
) -> Plan:
    """Return the plan that takes a node back.

    Args:
        machine: the node.
        service: nova's record of its nova-compute.
        owed: what closed runs owe it; None for nothing.
        held: units that stackmend holds there, as a salvage does.
        left: what is there now of instances that are elsewhere, in sentences.
        canary: whether an instance is booted there.
        clean_up: whether domains and directories that nova-compute leaves are removed, where that is proved.
        home: how the instances that were started elsewhere come home; None where they stay.

    Raises:
        Refused: it is neither forced down nor is its scheduling owed to it.
    """
    node = machine.name
    if not service.forced_down and owed is None:
        raise Refused(
            Code.NOTHING_TO_RETURN,
            f"{node} is not forced down, and no run of stackmend owes it anything",
            hint="`stackmend runs list` shows what was done",
        )
    group = (f"Readmit {node}",)
    # what a salvage holds: nova-compute there must start to see what was brought up elsewhere
    starts = release(machine, held, needs=())
    cleaning = _cleaning(node, group, needs=tuple(s.id for s in starts[-1:]), clean_up=clean_up)
    # only then: nova refuses to lift forced_down before, and would send the node instances while it still cleans up
    up = ForceUp.step(node, group=group, needs=(cleaning[-1].id,))
    verify = VerifyNode.step(node, canary=canary, group=group, needs=(up.id,))
    steps: list[Step] = [*starts, *cleaning, up, verify]
    if owed is not None and owed.scheduling is not None:
        steps.append(RestoreScheduling.step_from(node, dict(owed.scheduling), group=group, needs=(verify.id,)))
    moved = owed.moved if owed else ()
    evacuated = owed.evacuated if owed else ()
    paid = list(owed.runs) if owed and not moved else []
    back, notes = bring_back(((m, {}) for m in evacuated), home, needs=(steps[-1].id,)) if home else ((), ())
    stay = tuple(
        f"{m.name} stays on {m.place}, where it was started; --return-instances brings it home" for m in evacuated
    )
    return Plan(
        runbook="node readmit",
        subject=node,
        title=f"Readmit {node}: see that it is clean, let nova hear it, verify it, give its scheduling back",
        steps=(*steps, *back),
        lanes=return_lanes(back, home) if home else {},
        notes=(
            *_left(node, left, clean_up=clean_up),
            *(f"{m.name} stays on {m.place}; `stackmend node return {node}` brings it home" for m in moved),
            *(notes if home else stay),
        ),
        world={"forced down": str(service.forced_down), "left": "; ".join(left)},
        options={RETURNS: paid, "canary": canary, "return instances": home is not None, "clean up": clean_up},
    )


def _cleaning(node: NodeName, group: tuple[str, ...], needs: tuple[StepId, ...], *, clean_up: bool) -> list[Step]:
    """Return the steps that see a node clean, one after the other: nova-compute always has its turn first."""
    steps = [Reconcile.step(node, clean_up=clean_up, group=group, needs=needs)]
    if clean_up:
        steps.append(ClearDomains.step(node, group=group, needs=(steps[-1].id,)))
        # after the domains: a directory that a domain uses is needed
        steps.append(ClearDirectories.step(node, TRASH_DAYS, group=group, needs=(steps[-1].id,)))
    return [*steps, ClearRecords.step(node, group=group, needs=(steps[-1].id,))]


def _left(node: NodeName, left: tuple[str, ...], *, clean_up: bool) -> tuple[str, ...]:
    if not left:
        return ()
    way = "what it leaves is removed where the instance is proved elsewhere"
    if not clean_up:
        way = "--clean-up removes what it leaves, where the instance is proved elsewhere"
    return (
        *(f"left on {node}: {one}" for one in left),
        f"nova-compute removes what was evacuated when it starts; {way}",
    )
