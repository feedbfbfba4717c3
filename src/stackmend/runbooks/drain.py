"""Drain a compute node: disable its scheduling, move every instance away, see that nothing is left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from stackmend.actions.drained import CheckDrained
from stackmend.actions.instances import move_step
from stackmend.actions.scheduling import DisableScheduling
from stackmend.domain.drain import DrainFacts, DrainOptions, Mode, Treatment
from stackmend.domain.plan import Plan, Step
from stackmend.domain.values import JsonObject, NodeName, StepId
from stackmend.errors import Code, Refused
from stackmend.rules.drain import idle_domains, treat_all, unknown_domains

UNLIMITED = 32


@dataclass(frozen=True)
class Drain:
    """The part of a plan that drains a node.

    Attributes:
        steps: disable, moves, check.
        treatments: what happens to each instance.
        leftovers: sentences on idle domains that nova does not know.
        lanes: limits of the migrations.
        world: what it rests on.
    """

    steps: tuple[Step, ...]
    treatments: tuple[Treatment, ...]
    leftovers: tuple[str, ...]
    lanes: dict[str, int]
    world: JsonObject

    @property
    def moving(self) -> tuple[Treatment, ...]:
        """The instances that are moved."""
        return tuple(t for t in self.treatments if t.mode.moves)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what stays."""
        return (*(t.sentence for t in self.treatments if t.mode is Mode.STAY), *self.leftovers)


def plan_drain(facts: DrainFacts, options: DrainOptions, *, reason: str, patience: float) -> Plan:
    """Return the plan that drains a node.

    Raises:
        Refused: an instance cannot be moved and was not to be left; nothing was touched.
    """
    drain = compose(facts, options, reason=reason, patience=patience)
    node = facts.service.host
    return Plan(
        runbook="node drain",
        subject=node,
        title=f"Drain {node}: move {_count(drain.moving)} away",
        steps=drain.steps,
        lanes=drain.lanes,
        notes=drain.notes,
        world=drain.world,
        options={"reason": reason, "stopped": options.stopped, "leave": sorted(options.leave)},
    )


def compose(facts: DrainFacts, options: DrainOptions, *, reason: str, patience: float) -> Drain:
    """Return the steps of a drain; see ``plan_drain``."""
    refuse_where_impossible(facts, options)
    treatments = treat_all(facts, options)
    refuse_blocked(facts, treatments, options)
    node = facts.service.host
    group = (f"Drain {node}",)
    # a node that is disabled takes nothing back, so an undo enables it before the instances come home
    disable = replace(DisableScheduling.step(node, reason=reason, group=group), undo_first=True)
    lane = lane_from(node)
    # cold ones last: they wait for an empty lane, and would hold up the live ones that go ahead in it
    in_order = sorted((t for t in treatments if t.mode.moves), key=lambda t: t.mode is Mode.COLD)
    moves = tuple(
        move_step(
            StepId(f"move/{t.instance.id}"),
            t.instance,
            t.target or node,
            mode=t.mode,
            why=t.sentence.removeprefix(f"{t.instance.name} "),
            group=(*group, "Move its instances"),
            needs=(disable.id,),
            lane=lane,
            patience=patience,
        )
        for t in in_order
    )
    check = CheckDrained.step(
        node,
        staying=sorted({*options.leave, *(t.instance.id for t in treatments if not t.mode.moves)}),
        moves={str(m.params["instance"]): m.id for m in moves},
        group=group,
        needs=(disable.id, *(m.id for m in moves)),
    )
    return Drain(
        steps=(disable, *moves, check),
        treatments=treatments,
        leftovers=tuple(
            f"libvirt has {d.name} ({d.uuid}), {d.state}, which nova does not have" for d in idle_domains(facts)
        ),
        lanes={lane: facts.concurrency or UNLIMITED},
        world=_world(facts),
    )


def lane_from(node: NodeName) -> str:
    """Return the lane that migrations leaving a node count against; nova's own limit is the source's."""
    return f"migrations from {node}"


def refuse_where_impossible(facts: DrainFacts, options: DrainOptions) -> None:
    """Refuse a drain of a node whose nova-compute is down, or with nowhere at all to go."""
    node = facts.service.host
    if not facts.service.up or facts.service.forced_down:
        raise Refused(
            Code.NODE_WRONG_ROLE,
            f"nova-compute on {node} is down, and instances are moved by it",
            hint=f"bring it up first; `stackmend node verify {node}` tells what is wrong",
        )
    if options.target is not None and all(t.node != options.target for t in facts.targets):
        why = facts.unusable.get(options.target, "it is no other compute node of this cloud")
        raise Refused(Code.NO_TARGET, f"nothing can be moved to {options.target}: {why}")
    if facts.on_node.instances and not facts.targets:
        reasons = "; ".join(f"{n}: {why}" for n, why in sorted(facts.unusable.items())) or "there is no other"
        raise Refused(Code.NO_TARGET, f"no other compute node can take the instances of {node} ({reasons})")


def refuse_blocked(facts: DrainFacts, treatments: Iterable[Treatment], options: DrainOptions) -> None:
    """Refuse a drain that would leave an instance behind without having been told to."""
    blocked = [t for t in treatments if t.mode is Mode.BLOCKED]
    foreign = unknown_domains(facts, options)
    sentences = {t.instance.id: t.sentence for t in blocked}
    sentences |= {
        d.uuid: f"libvirt has {d.name} ({d.uuid}), {d.state}, which nova does not have there" for d in foreign
    }
    if not sentences:
        return
    no_room = bool(blocked) and all("has nowhere to go" in t.sentence for t in blocked) and not foreign
    raise Refused(
        Code.NO_ROOM if no_room else Code.INSTANCE_UNMOVABLE,
        f"{len(sentences)} on {facts.service.host} can't be moved: " + "; ".join(sentences.values()),
        hint="mend what is named, or leave one there with --leave ID",
        evidence={str(k): v for k, v in sentences.items()},
    )


def _world(facts: DrainFacts) -> JsonObject:
    """Return what the plan rests on and must still hold when it is applied."""
    return {
        "instances": {i.id: f"{i.name} {i.vm_state} {i.task_state}".strip() for i in facts.on_node.instances},
        "domains": {d.uuid: d.state for d in facts.on_node.domains.values()},
        "targets": {t.node: "usable" for t in facts.targets},
        "scheduling": "enabled" if facts.service.enabled else f"disabled: {facts.service.reason}",
    }


def _count(moving: tuple[Treatment, ...]) -> str:
    return "1 instance" if len(moving) == 1 else f"{len(moving)} instances"
