"""Readmit a compute node that was recovered: reconcile, force up, verify, give its scheduling back."""

from __future__ import annotations

from stackmend.actions.forcing import ForceUp
from stackmend.actions.reconcile import Reconcile
from stackmend.actions.scheduling import RestoreScheduling
from stackmend.actions.verify import VerifyNode
from stackmend.domain.health import Held
from stackmend.domain.instance import ComputeService
from stackmend.domain.node import Node
from stackmend.domain.plan import Plan, Step
from stackmend.errors import Code, Refused
from stackmend.rules.returning import RETURNS, Owed
from stackmend.runbooks.returning import Home, bring_back, return_lanes
from stackmend.runbooks.services import release


def plan_readmit(
    machine: Node,
    service: ComputeService,
    owed: Owed | None,
    held: tuple[Held, ...] = (),
    *,
    canary: bool,
    home: Home | None = None,
) -> Plan:
    """Return the plan that takes a node back.

    Args:
        machine: the node.
        service: nova's record of its nova-compute.
        owed: what closed runs owe it; None for nothing.
        held: units that stackmend holds there, as a salvage does.
        canary: whether an instance is booted there.
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
    reconcile = Reconcile.step(node, group=group, needs=tuple(s.id for s in starts[-1:]))
    # only then: nova refuses to lift forced_down before, and would send the node instances while it still cleans up
    up = ForceUp.step(node, group=group, needs=(reconcile.id,))
    verify = VerifyNode.step(node, canary=canary, group=group, needs=(up.id,))
    steps: list[Step] = [*starts, reconcile, up, verify]
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
            *(f"{m.name} stays on {m.place}; `stackmend node return {node}` brings it home" for m in moved),
            *(notes if home else stay),
        ),
        world={"forced down": str(service.forced_down)},
        options={RETURNS: paid, "canary": canary, "return instances": home is not None},
    )
