"""Recover a dead compute node: fence it, prove that, force it down, start its instances elsewhere, read it back."""

from __future__ import annotations

from dataclasses import asdict

from stackmend.actions.clear_records import ClearRecords
from stackmend.actions.evacuation import EvacuateInstance
from stackmend.actions.fencing import FenceNode
from stackmend.actions.forcing import ForceDown
from stackmend.actions.power_state import RestorePower
from stackmend.actions.recovered import CheckRecovered
from stackmend.actions.relocated import SettleRelocated
from stackmend.actions.scheduling import DisableScheduling
from stackmend.domain.plan import Plan, Step
from stackmend.domain.recovery import RecoveryFacts, RecoveryOptions, Rescue, Statement
from stackmend.domain.values import JsonObject, NodeName, StepId
from stackmend.rules.recovery import losses, objection, rescue_all, statement_that_counts
from stackmend.runbooks.relocate import relocations


def plan_recover(facts: RecoveryFacts, options: RecoveryOptions, *, controller: str, reason: str) -> Plan:
    """Return the plan that recovers a node.

    Args:
        facts: the world.
        options: what the operator chose.
        controller: how the node's power controller is reached, for people; empty for none.
        reason: the operator's.

    Raises:
        Refused: it may not be recovered; nothing was touched.
    """
    refused = objection(facts, options)
    if refused is not None:
        raise refused
    node = facts.node
    rescues = rescue_all(facts, options)
    group = (f"Recover {node}",)
    statement = statement_that_counts(facts, options)
    fence = FenceNode.step(node, controller, statement, group=group)
    # before scheduling is disabled: as long as nova takes the service for up, that request waits for an answer of it
    down = ForceDown.step(node, fence.id, group=group, needs=(fence.id,))
    disable = DisableScheduling.step(node, reason=reason, group=group, needs=(down.id,))
    heading = (*group, "Start its instances elsewhere")
    if options.by_database:
        moves = relocations(rescues, fence.id, lane_from(node), heading, (disable.id,))
    else:
        moves = _moves(rescues, fence.id, options.target, heading, (disable.id,))
    check = CheckRecovered.step(
        node,
        {str(m.params["instance"]): m.id for m in moves if m.action in ARRIVALS},
        group=group,
        needs=(disable.id, *(m.id for m in moves)),
    )
    clear = ClearRecords.step(node, group=group, needs=(check.id,))
    return Plan(
        runbook="node recover",
        subject=node,
        title=f"Recover {node}, which is {facts.condition}: start {_count(rescues)}",
        steps=(fence, down, disable, *moves, check, clear),
        lanes={lane_from(node): options.limit},
        notes=(*_unneeded(options, statement, node), *(r.sentence for r in rescues if r.target is None)),
        world=_world(facts),
        options=_options(options, reason),
    )


ARRIVALS = frozenset({EvacuateInstance.name, SettleRelocated.name})
"""The steps after which an instance belongs to another node."""


def lane_from(node: NodeName) -> str:
    """Return the lane that evacuations from a node count against."""
    return f"evacuations from {node}"


def _moves(
    rescues: tuple[Rescue, ...],
    fence: StepId,
    only: NodeName | None,
    group: tuple[str, ...],
    needs: tuple[StepId, ...],
) -> tuple[Step, ...]:
    """Return two steps for each instance that is moved, in the order of the rescues."""
    steps: list[Step] = []
    for rescue in rescues:
        if rescue.target is None:
            continue
        instance = rescue.stranded.instance
        lost = ", ".join(p.name for p in losses(rescue.parts))
        accepted = f"; the loss of its {lost} is accepted" if lost else ""
        evacuation = EvacuateInstance.step(
            instance,
            rescue.target,
            why="it " + rescue.sentence.removeprefix(f"{instance.name} ") + accepted,
            fence=fence,
            accepted=bool(lost),
            only=only,
            group=group,
            needs=needs,
            lane=lane_from(instance.host),
        )
        steps += [evacuation, RestorePower.step(evacuation)]
    return tuple(steps)


def _unneeded(options: RecoveryOptions, counts: Statement | None, node: NodeName) -> tuple[str, ...]:
    if options.statement is None or counts is not None:
        return ()
    return (f"the statement that {node} is fenced is not needed: its power controller answers, and is asked",)


def _world(facts: RecoveryFacts) -> JsonObject:
    """Return what the plan rests on and must still hold when it is applied."""
    return {
        "instances": {
            s.instance.id: f"{s.instance.name} {s.instance.vm_state} {s.instance.task_state}".strip()
            for s in facts.stranded
        },
        "targets": {t.node: "usable" for t in facts.targets},
        "condition": str(facts.condition),
        "down": ", ".join(sorted(facts.down)),
    }


def _options(options: RecoveryOptions, reason: str) -> JsonObject:
    return {
        "reason": reason,
        "accept_loss": sorted(options.accept_loss),
        "target": options.target or "",
        "statement": asdict(options.statement) if options.statement else None,
        "even_in_a_wave": options.even_in_a_wave,
        "limit": options.limit,
        **({"via": "database"} if options.by_database else {}),
    }


def _count(rescues: tuple[Rescue, ...]) -> str:
    moving = sum(r.target is not None for r in rescues)
    waiting = len(rescues) - moving
    wait = f"; {waiting} wait{'s' * (waiting == 1)}" if waiting else ""
    return f"{moving} instance{'s' * (moving != 1)} elsewhere{wait}"
