"""Start an instance of a fenced node on another one; never done until every witness that can speak agrees."""

from __future__ import annotations

from typing import Any, ClassVar

from stackmend.actions.base import Action, Context
from stackmend.actions.evacuating import KIND, again, begun, evacuate
from stackmend.actions.fenced import proof_of
from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.evacuation import Evacuation
from stackmend.domain.instance import Instance
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.values import InstanceId, JsonObject, NodeName, StepId
from stackmend.errors import Code, Failed
from stackmend.facts import instances, migrations, volumes_seen
from stackmend.facts.location import witnesses
from stackmend.rules.location import Verdict, locate, without_fenced
from stackmend.rules.migration import Phase, phase
from stackmend.rules.recovery import EVACUABLE

AGREE_SECONDS = 60.0


class EvacuateInstance(Action):
    """Evacuate one instance to a named node, on the proof of a step that its own node is fenced.

    Parameters: instance, name, source, target, fence, and ``placed`` where a copy of its files was put in place; nova
    makes anew what it does not find. Change: an ``Evacuation``.
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
                **({"placed": placed} if placed else {}),
            },
            group=group,
            commands=(f"openstack --os-compute-api-version 2.95 server evacuate --host {target} {instance.id}",),
            needs=needs,
            lane=lane,
        )

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Look at the instance as it is now, and for the proof that its node was fenced."""
        proof_of(NodeName(params["source"]), params["fence"], context)
        if context.former_change is not None:
            former = again(world, Evacuation.from_json(dict(context.former_change)))
            return Do(former.to_json(), f"trying {former.name} again")
        instance = patiently(world.clock, lambda: instances.get(world, InstanceId(params["instance"])))
        if instance is None:
            return Skip(f"{params['name']} was deleted meanwhile")
        if instance.host != params["source"]:
            return Skip(f"{params['name']} is on {instance.host} already: somebody else moved it")
        after = _newest_before(world, instance)
        if instance.vm_state not in EVACUABLE:
            raise Failed(
                Code.INSTANCE_CHANGED,
                f"{instance.name} is {instance.vm_state} now, and nova does not evacuate it so",
                hint="mend that and retry, or skip it",
                evidence={"instance": instance.id},
            )
        way = Evacuation(
            instance=instance.id,
            name=instance.name,
            source=instance.host,
            target=NodeName(params["target"]),
            fence=params["fence"],
            after=after,
            vm_state=instance.vm_state,
            volumes=instance.volumes,
            placed=params.get("placed", ""),
        )
        return Do(way.to_json(), f"{instance.name} is {instance.vm_state} on {instance.host}, which is fenced")

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
        verdict = _agreed(world, way, context)
        if verdict.place != way.target:
            raise Failed(
                Code.WITNESSES_DISAGREE,
                f"{way.name} should be on {way.target}, but {verdict.sentence}",
                hint="look at each of them; nothing was repaired; retry asks them again",
                evidence={f"witness {n}": says for n, says in enumerate(verdict.dissent, 1)},
            )
        volumes = _volumes(world, way)
        said = f"{way.name} is on {way.target}: {verdict.sentence}; {way.source}'s libvirt is not asked, it is fenced"
        return Receipt(f"{said}{volumes}", receipt.data, receipt.commands)

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Say where it is: what was started elsewhere is not taken back to a node that is fenced."""
        way = Evacuation.from_json(change)
        instance = patiently(world.clock, lambda: instances.get(world, way.instance))
        if instance is None:
            return f"{way.name} was deleted meanwhile"
        if instance.host == way.source and begun(world, way) is None:
            return f"{way.name} was not touched"
        return f"{way.name} is left {instance.vm_state} on {instance.host}: an evacuation can't be taken back"


def _newest_before(world: World, instance: Instance) -> int:
    """Return the id that a record must be newer than; an evacuation that is under way by somebody else is joined."""
    records = patiently(world.clock, lambda: migrations.of_instance(world, instance.id))
    underway = [r.id for r in records if r.kind == KIND and r.source == instance.host and phase(r) is Phase.UNDERWAY]
    return min(underway) - 1 if underway else max((r.id for r in records), default=0)


def _agreed(world: World, way: Evacuation, context: Context) -> Verdict:
    """Ask until the witnesses agree on the target; the last verdict where they do not in time."""
    last: list[Verdict] = []

    def ask() -> Verdict | None:
        verdict = locate(without_fenced(witnesses(world, way.instance, (way.target,)), way.source))
        last[:] = [verdict]
        if verdict.place == way.target:
            return verdict
        context.progress(f"{way.name}: {verdict.sentence}")
        return None

    return world.clock.wait_for(ask, timeout=AGREE_SECONDS, interval=1.0) or last[0]


def _volumes(world: World, way: Evacuation) -> str:
    """Return what is to be said of its volumes; raise ``Failed`` where one is missing in libvirt's view."""
    if not way.volumes:
        return ""
    present = volumes_seen.in_domain(world, way.target, way.instance)
    missing = sorted(set(way.volumes) - present)
    if missing:
        raise Failed(
            Code.WITNESSES_DISAGREE,
            f"{way.name} is on {way.target}, but libvirt has no disk there for its volumes {', '.join(missing)}",
            hint="see the volumes' attachments; retry looks again",
            evidence={"instance": way.instance},
        )
    return f"; libvirt has its {len(way.volumes)} volumes"
