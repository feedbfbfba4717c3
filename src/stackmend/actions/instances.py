"""Moving instances: away from a node, and back to where they were; never done until every witness agrees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from stackmend.actions.base import Action, Context
from stackmend.actions.migrating import abort, migrate, newest_record
from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.instance import Instance
from stackmend.domain.move import Move
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.values import InstanceId, NodeName, StepId
from stackmend.errors import Code, Failed
from stackmend.facts import instances, migrations
from stackmend.facts.location import witnesses
from stackmend.rules.location import Verdict, locate
from stackmend.rules.migration import Phase, phase

AGREE_SECONDS = 60.0
REST_SECONDS = 60.0
LIVE_STATES = frozenset({"active", "paused"})
MOVABLE_STATES = LIVE_STATES | {"stopped"}


def move_step(  # noqa: PLR0913 - a step is what it is made of
    step_id: StepId,
    instance: Instance,
    target: NodeName,
    *,
    mode: str,
    why: str,
    group: tuple[str, ...],
    needs: tuple[StepId, ...],
    lane: str,
    patience: float,
) -> Step:
    """Return the step that moves an instance away from where it is."""
    params = {
        "instance": instance.id,
        "name": instance.name,
        "source": instance.host,
        "target": target,
        "mode": "cold" if mode == "cold" else "live",
        "patience": patience,
    }
    return Step(
        id=step_id,
        action=MoveInstance.name,
        title=f"Move {instance.name} to {target} ({mode}): {why}",
        params=params,
        group=group,
        commands=commands(instance.id, target, mode),
        needs=needs,
        lane=lane,
        ahead=mode != "cold",
    )


def commands(instance: InstanceId, target: NodeName, mode: str) -> tuple[str, ...]:
    """Return what an operator would have typed to move an instance."""
    if mode == "cold":
        return (
            f"openstack server migrate --host {target} --wait {instance}",
            f"openstack server migration confirm {instance}",
        )
    block = " --block-migration" if mode == "block-live" else ""
    return (f"openstack server migrate --live-migration --host {target}{block} --wait {instance}",)


class MoveInstance(Action):
    """Move one instance to one node, live or cold, keeping its power state."""

    name: ClassVar[str] = "instance.move"

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Look at the instance as it is now, which may not be as it was planned."""
        instance = _at_rest(world, InstanceId(params["instance"]), context)
        if instance is None:
            return Skip(f"{params['name']} was deleted since the plan was made")
        if instance.host == params["target"]:
            return self._already_there(instance, context)
        if instance.host != params["source"]:
            return Skip(f"{instance.name} is on {instance.host}: somebody else moved it since the plan was made")
        return self._decide(world, instance, params, context)

    def _already_there(self, instance: Instance, context: Context) -> Do | Skip:
        """Skip, unless an attempt of this step brought it there: then that is to be verified."""
        former = context.former_change
        if former is None or instance.task_state:
            return Skip(
                f"{instance.name} is on {instance.host} already: somebody else moved it since the plan was made"
            )
        return Do(dict(former), f"{instance.name} has arrived on {instance.host} meanwhile")

    def _decide(self, world: World, instance: Instance, params: dict[str, Any], context: Context) -> Do | Skip:
        choice = context.choice.options.get("mode", "") if context.choice else ""
        former = Move.from_json(dict(context.former_change)) if context.former_change else None
        # a record may say that it is under way long after nova has lost it: then nova works on nothing
        underway = bool(instance.task_state) and _underway(world, instance.id)
        if instance.vm_state not in MOVABLE_STATES or (instance.task_state and not underway):
            busy = f", and nova is {instance.task_state} it" if instance.task_state else ""
            raise Failed(
                Code.INSTANCE_CHANGED,
                f"{instance.name} is {instance.vm_state} now{busy}; it can't be moved like this",
                hint="bring it to a state that can be moved, then retry; or skip it",
            )
        mode = "live" if instance.vm_state in LIVE_STATES and choice != "cold" else "cold"
        kept = former.after if former is not None and underway else newest_record(world, instance.id)
        move = Move(
            instance=instance.id,
            name=instance.name,
            source=instance.host,
            target=NodeName(params["target"]),
            mode=mode,
            after=kept,
            vm_state=former.vm_state if former else instance.vm_state,
            force=bool(params.get("force", False)),
            complete=choice == "force-complete",
            patience=float(params.get("patience", 120.0)),
        )
        return Do(move.to_json(), f"{instance.name} is {instance.vm_state} on {instance.host}: moving it {mode}")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Move it, or go on with the move that was begun."""
        move = Move.from_json(change)
        record = migrate(world, move, context)
        seconds = None
        if record is not None and record.created and record.updated:
            seconds = (record.updated - record.created).total_seconds()
        data = {
            "instance": move.instance,
            "name": move.name,
            "source": move.source,
            "target": move.target,
            "mode": move.mode,
            "migration": record.id if record else None,
            "nova_seconds": seconds,
        }
        sentence = f"{move.name} was moved {move.mode} from {move.source} to {move.target}"
        return Receipt(sentence, data, commands(move.instance, move.target, move.mode))

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:
        """Ask every witness until all agree on the target, and see that the power state is what it was."""
        move = Move.from_json(change)
        verdict = _agreed(world, move, context)
        if verdict.place != move.target:
            raise Failed(
                Code.WITNESSES_DISAGREE,
                f"{move.name} should be on {move.target}, but {verdict.sentence}",
                hint="look at each of them; nothing was repaired; retry asks them again",
                evidence={f"witness {n}": says for n, says in enumerate(verdict.dissent, 1)},
            )
        after = patiently(world.clock, lambda: instances.get(world, move.instance))
        state = after.vm_state if after else "deleted"
        told = "" if state == move.vm_state else f"; it was {move.vm_state} and is {state} now"
        return replace(
            receipt,
            sentence=f"{move.name} is on {move.target}: {verdict.sentence}{told}",
            data={**receipt.data, "vm_state": state, "vm_state_before": move.vm_state},
        )

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:
        """Bring it back to where it was, whatever of the move was done."""
        move = Move.from_json(change)
        instance = patiently(world.clock, lambda: instances.get(world, move.instance))
        if instance is None:
            return f"{move.name} was deleted meanwhile"
        _stop_underway(world, move, instance)
        instance = instances.get(world, move.instance) or instance
        if instance.host == move.source:
            return f"{move.name} is on {move.source}, where it was"
        if instance.host != move.target:
            return f"{move.name} is on {instance.host}: somebody else moved it, so it is left there"
        back = _reversed(world, move, instance)
        migrate(world, back, context)
        self.verify(world, back.to_json(), Receipt(""), context)
        return f"{move.name} is back on {move.source}"

    def let_go(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Abort a live migration that is still under way, and say where the instance is left."""
        move = Move.from_json(change)
        instance = patiently(world.clock, lambda: instances.get(world, move.instance))
        if instance is None:
            return f"{move.name} is deleted"
        _stop_underway(world, move, instance)
        instance = patiently(world.clock, lambda: instances.get(world, move.instance)) or instance
        known = "" if instance.host == move.source else ", and will not be brought back"
        return f"{move.name} is left {instance.vm_state} on {instance.host}{known}"


def _agreed(world: World, move: Move, context: Context) -> Verdict:
    """Ask until the witnesses agree on the target; the last verdict where they do not in time."""
    nodes = (move.source, move.target)
    last: list[Verdict] = []

    def ask() -> Verdict | None:
        verdict = locate(witnesses(world, move.instance, nodes))
        last[:] = [verdict]
        if verdict.place == move.target:
            return verdict
        context.progress(f"{move.name}: {verdict.sentence}")
        return None

    return world.clock.wait_for(ask, timeout=AGREE_SECONDS, interval=1.0) or last[0]


def _at_rest(world: World, instance: InstanceId, context: Context) -> Instance | None:
    """Return an instance as it is when nova has ended what it does with it, a migration excepted; None where deleted.

    Where that does not end within ``REST_SECONDS`` it is returned as it is then.
    """
    last: list[Instance | None] = []

    def look() -> bool | None:
        current = patiently(world.clock, lambda: instances.get(world, instance))
        last[:] = [current]
        if current is None or not current.task_state or _underway(world, instance):
            return True
        context.progress(f"waiting until nova has ended {current.task_state} of {current.name}")
        return None

    world.clock.wait_for(look, timeout=REST_SECONDS, interval=1.0)
    return last[0]


def _underway(world: World, instance: InstanceId) -> bool:
    records = patiently(world.clock, lambda: migrations.of_instance(world, instance))
    return any(phase(m) is Phase.UNDERWAY for m in records)


def _stop_underway(world: World, move: Move, instance: Instance) -> None:
    """Abort the live migration that the move began, where it still runs.

    Raises:
        Failed: what still runs is a cold migration, which nova can't abort.
    """
    for record in patiently(world.clock, lambda: migrations.of_instance(world, move.instance)):
        ours = record.id > move.after and record.source == move.source
        if not (ours and instance.task_state and phase(record) is Phase.UNDERWAY):
            continue
        if record.kind != "live-migration":
            raise Failed(
                Code.INSTANCE_CHANGED,
                f"{move.name} is in the middle of a cold migration, which nova can't abort",
                hint="try again when it has ended",
                evidence={"migration": str(record.id), "status": record.status},
            )
        abort(world, move.instance, record)


def _reversed(world: World, move: Move, instance: Instance) -> Move:
    """Return the way back; a way back that has been begun already is found by its record."""
    records = migrations.of_instance(world, move.instance)
    begun = [m.id for m in records if m.source == move.target and m.target == move.source and m.id > move.after]
    underway = [m.id for m in records if m.id in begun and phase(m) is Phase.UNDERWAY]
    after = min(underway) - 1 if underway else max((m.id for m in records), default=0)
    mode = "live" if instance.vm_state in LIVE_STATES else "cold"
    return replace(
        move,
        source=move.target,
        target=move.source,
        mode=mode,
        after=after,
        vm_state=instance.vm_state,
        force=mode == "live",
        complete=False,
    )
