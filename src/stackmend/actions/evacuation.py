"""Start an instance of a fenced node on another one; never done until every witness that can speak agrees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from stackmend.actions.arriving import see_arrived
from stackmend.actions.base import Action, Context
from stackmend.actions.evacuating import KIND, again, begun, evacuate
from stackmend.actions.fenced import proof_of
from stackmend.actions.retargeting import target_now
from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.evacuation import Evacuation
from stackmend.domain.instance import Instance
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.values import InstanceId, JsonObject, NodeName, StepId
from stackmend.errors import Code, Failed
from stackmend.facts import instances, migrations
from stackmend.rules.migration import Phase, phase, since
from stackmend.rules.recovery import EVACUABLE


class EvacuateInstance(Action):
    """Evacuate one instance to a named node, on the proof of a step that its own node is fenced.

    Parameters: instance, name, source, target, fence; ``was``, the state it was in when the plan was made; ``accepted``
    and ``only``, by which another target is chosen where that one dies; ``placed`` where a copy of its files was put in
    place, as nova makes anew what it does not find. Change: an ``Evacuation``.
    """

    name: ClassVar[str] = "instance.evacuate"

    @classmethod
    def step(  # noqa: PLR0913 - a step is what it is made of
        cls,
        instance: Instance,
        target: NodeName,
        *,
        why: str,
        fence: StepId,
        accepted: bool = False,
        only: NodeName | None = None,
        group: tuple[str, ...],
        needs: tuple[StepId, ...],
        lane: str,
        placed: StepId | None = None,
    ) -> Step:
        """Return the step that evacuates an instance; ``placed`` is the one that put a copy of its files in place."""
        return Step(
            id=StepId(f"evacuate/{instance.id}"),
            action=cls.name,
            title=f"Evacuate {instance.name} to {target}: {why}",
            params={
                "instance": instance.id,
                "name": instance.name,
                "source": instance.host,
                "target": target,
                "fence": fence,
                "was": instance.vm_state,
                "accepted": accepted,
                "only": only or "",
                **({"placed": placed} if placed else {}),
            },
            group=group,
            commands=(f"openstack --os-compute-api-version 2.80 server evacuate --host {target} {instance.id}",),
            needs=needs,
            lane=lane,
        )

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Look at the instance as it is now, and for the proof that its node was fenced."""
        proof_of(NodeName(params["source"]), params["fence"], context)
        instance = patiently(world.clock, lambda: instances.get(world, InstanceId(params["instance"])))
        if instance is None:
            return Skip(f"{params['name']} was deleted meanwhile")
        if context.former_change is not None:
            way = Evacuation.from_json(dict(context.former_change))
        elif instance.host != params["source"]:
            return Skip(f"{params['name']} is on {instance.host} already: somebody else moved it")
        else:
            way = _first(world, instance, params)
        way = again(world, way, instance, context)
        if instance.host != way.source:
            return Do(way.to_json(), f"{instance.name} is {instance.vm_state} on {instance.host} by now")
        where = ""
        if begun(world, way) is None:
            _see_evacuable(instance)
            target = target_now(world, instance, way.target, params, context)
            where = f"; {way.target} is down, so it goes to {target}" if target != way.target else ""
            way = replace(way, target=target)
        return Do(way.to_json(), f"{instance.name} is {instance.vm_state} on {instance.host}, which is fenced{where}")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Evacuate it, or go on with the evacuation that was begun."""
        way = Evacuation.from_json(change)
        record = evacuate(world, way, context)
        seconds = (record.updated - record.created).total_seconds() if record.created and record.updated else None
        data: JsonObject = {
            "instance": way.instance,
            "name": way.name,
            "source": way.source,
            "target": way.target,
            "migration": record.id,
            "nova_seconds": seconds,
        }
        words = (f"POST /servers/{way.instance}/action evacuate host={way.target}",)
        return Receipt(f"{way.name} was evacuated from {way.source} to {way.target}", data, words)

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:
        """Ask every witness that can speak until all agree on the target, and that its volumes are there."""
        way = Evacuation.from_json(change)
        return Receipt(see_arrived(world, way, context), receipt.data, receipt.commands)

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Say where it is: what was started elsewhere is not taken back to a node that is fenced."""
        way = Evacuation.from_json(change)
        instance = patiently(world.clock, lambda: instances.get(world, way.instance))
        if instance is None:
            return f"{way.name} was deleted meanwhile"
        if instance.host == way.source and begun(world, way) is None:
            return f"{way.name} was not touched"
        return f"{way.name} is left {instance.vm_state} on {instance.host}: an evacuation can't be taken back"


def _first(world: World, instance: Instance, params: dict[str, Any]) -> Evacuation:
    """Return the evacuation as planned, or the one by somebody else that is under way, which is joined."""
    records = patiently(world.clock, lambda: migrations.of_instance(world, instance.id))
    away = since([r for r in records if r.kind == KIND and r.source == instance.host], 0)
    joined = away if away is not None and phase(away) is Phase.UNDERWAY else None
    return Evacuation(
        instance=instance.id,
        name=instance.name,
        source=instance.host,
        target=joined.target if joined and joined.target else NodeName(params["target"]),
        fence=params["fence"],
        after=joined.id - 1 if joined else max((r.id for r in records), default=0),
        # a node that came back meanwhile has nova take what no longer runs there for stopped
        vm_state=params.get("was") or instance.vm_state,
        volumes=instance.volumes,
        placed=params.get("placed", ""),
    )


def _see_evacuable(instance: Instance) -> None:
    if instance.vm_state not in EVACUABLE:
        raise Failed(
            Code.INSTANCE_CHANGED,
            f"{instance.name} is {instance.vm_state} now, and nova does not evacuate it so",
            hint="mend that and retry, or skip it",
            evidence={"instance": instance.id},
        )
