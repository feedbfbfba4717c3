"""Stop and start what runs on a compute node, so that it stays stopped, and see that it works."""

from __future__ import annotations

from stackmend.actions.units import HoldUnit, ReleaseUnit
from stackmend.actions.verify import VerifyNode
from stackmend.domain.health import Held
from stackmend.domain.node import Node
from stackmend.domain.plan import Plan, Step
from stackmend.domain.values import StepId
from stackmend.errors import Code, Refused
from stackmend.facts.units import start_turn


def plan_stop(node: Node, *, reason: str) -> Plan:
    """Return the plan that stops a node's nova-compute and holds it, whatever configuration management wants."""
    return Plan(
        runbook="node stop",
        subject=node.name,
        title=f"Stop nova-compute on {node.name} and hold it",
        steps=(hold(node, reason, needs=()),),
        options={"reason": reason},
    )


def plan_start(node: Node, held: tuple[Held, ...]) -> Plan:
    """Return the plan that releases what stackmend holds on a node, and verifies the node.

    Raises:
        Refused: stackmend holds nothing there.
    """
    if not held:
        raise Refused(
            Code.NOTHING_TO_RETURN,
            f"stackmend holds no unit on {node.name}, so there is nothing to start",
            hint=f"`stackmend node verify {node.name}` tells whether it works",
        )
    steps = release(node, held, needs=())
    verify = VerifyNode.step(
        node.name, canary=False, group=(f"Verify {node.name}",), needs=tuple(step.id for step in steps)
    )
    units = " and ".join(h.unit for h in held)
    return Plan(runbook="node start", subject=node.name, title=f"Start {units} on {node.name}", steps=(*steps, verify))


def hold(node: Node, reason: str, *, needs: tuple[StepId, ...]) -> Step:
    """Return the step that stops and holds nova-compute on a node."""
    return HoldUnit.step(node.name, reason, hooks=node.hooks, group=(f"Stop {node.name}",), needs=needs)


def release(node: Node, held: tuple[Held, ...], *, needs: tuple[StepId, ...]) -> tuple[Step, ...]:
    """Return the steps that release what runs of stackmend hold on a node, one after the other."""
    steps: list[Step] = []
    for one in sorted(held, key=lambda h: start_turn(h.unit)):
        after = (steps[-1].id,) if steps else needs
        place = StepId(f"release/{one.unit}")
        steps.append(ReleaseUnit.step_from(node.name, one, id=place, group=(f"Start {node.name}",), needs=after))
    return tuple(steps)
