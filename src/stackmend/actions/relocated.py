"""After nova's row of an instance was changed: ports, allocation and attachments follow, then it is rebooted hard."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from stackmend.actions import settling
from stackmend.actions.arriving import see_arrived, see_recorded
from stackmend.actions.base import Action, Context
from stackmend.actions.booting import RebootInstance
from stackmend.actions.fenced import runs_not
from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.instance import Instance
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.relocation import Relocation, Settlement
from stackmend.domain.run import StepState
from stackmend.domain.values import InstanceId, JsonObject, NodeName, StepId
from stackmend.facts import domains, instances, network, placement, volumes


class SettleRelocated(Action):
    """Have neutron, placement and Cinder say of an instance what nova's row says.

    Parameters: instance, name, rows (the step that changed the row). Change: a ``Settlement``.
    """

    name: ClassVar[str] = "instance.settle"

    @classmethod
    def step(cls, instance: Instance, rows: Step, *, lane: str, group: tuple[str, ...]) -> Step:
        """Return the step that follows the change of the rows."""
        target = rows.params["target"]
        return Step(
            id=StepId(f"settle/{instance.id}"),
            action=cls.name,
            title=f"Have neutron, placement and Cinder say that {instance.name} is on {target}",
            params={"instance": instance.id, "name": instance.name, "rows": rows.id},
            group=group,
            commands=(
                f"openstack port set --host {target} PORT",
                f"openstack resource provider allocation set --allocation rp={target},… {instance.id}",
            ),
            needs=(rows.id,),
            lane=lane,
        )

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Record what they say now."""
        name = params["name"]
        found = _relocation(params["rows"], InstanceId(params["instance"]), context)
        if found is None:
            return Skip(f"the row of {name} was not changed by this run, so it is not touched")
        instance = patiently(world.clock, lambda: instances.get(world, InstanceId(params["instance"])))
        if instance is None:
            return Skip(f"{name} was deleted meanwhile")
        if instance.host != found.seat.host:
            return Skip(f"{name} is on {instance.host} now: somebody else moved it")
        if context.former_change is not None:
            return Do(context.former_change, "goes on with what was decided on before")
        return Do(_settlement(world, instance, found).to_json(), f"{name} is on {instance.host} by nova's row of it")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Bind its ports, give its allocation, and have its attachments name the target."""
        one = Settlement.from_json(change)
        context.progress(f"{one.name}: its ports")
        settling.bind(world, one, one.target)
        settling.allocate(world, one.instance, one.source, one.target)
        settling.attach(world, one, one.target)
        data: JsonObject = {"instance": one.instance, "name": one.name, "source": one.source, "target": one.target}
        words = (
            *(f"PUT /ports/{port} binding:host_id={one.target}" for port in one.ports),
            f"PUT /allocations/{one.instance} on {one.target}",
            *(f"PUT /attachments/{attachment} connector.host={one.target}" for attachment in one.attachments),
        )
        return Receipt(f"ports, allocation and attachments of {one.name} are {one.target}'s", data, words)

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:
        """Read back that nova, neutron and placement name the target, and no other."""
        see_recorded(world, Settlement.from_json(change), context)
        return receipt

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Have them say the source again, where the target's libvirt does not have the instance."""
        one = Settlement.from_json(change)
        instance = patiently(world.clock, lambda: instances.get(world, one.instance))
        if instance is None:
            return f"{one.name} was deleted meanwhile"
        if instance.host != one.target or one.instance in domains.on_node(world, one.target):
            return f"{one.name} is left on {instance.host}: it is there by nova, and may run there"
        settling.bind(world, one, one.source)
        settling.allocate_again(world, one)
        settling.attach(world, one, one.source)
        return f"ports, allocation and attachments of {one.name} are {one.source}'s again"


class RebootRelocated(RebootInstance):
    """Reboot an instance hard on the node that its row was moved to, so that nova makes its domain there.

    Parameters: as of a reboot, and rows (the step that changed the row). Change: see ``BringUp``, and source and fence.
    """

    name: ClassVar[str] = "instance.reboot-relocated"

    @classmethod
    def after(cls, instance: Instance, settle: Step, rows: Step) -> Step:
        """Return the step that follows the settling of an instance that ran."""
        target = NodeName(str(rows.params["target"]))
        there = replace(instance, host=target)
        plain = cls.step(
            there,
            "hard",
            f"that makes its domain anew on {target}, from its own disk",
            group=settle.group,
            needs=(settle.id,),
            lane=settle.lane,
        )
        return replace(plain, params={**plain.params, "rows": rows.id})

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Record how it is, where this run has changed its row."""
        found = _relocation(params["rows"], InstanceId(params["instance"]), context)
        if found is None:
            return Skip(f"the row of {params['name']} was not changed by this run, so it is not touched")
        decided = super().prepare(world, params, context)
        if isinstance(decided, Skip):
            return decided
        instance = patiently(world.clock, lambda: instances.get(world, InstanceId(params["instance"])))
        volumes = list(instance.volumes) if instance else []
        more = {"source": found.source, "fence": found.fence, "volumes": volumes}
        return Do({**decided.change, **more}, decided.sentence)

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Look that its former node does not run it, and reboot it, or go on with a reboot that was begun."""
        runs_not(world, NodeName(change["source"]), change["fence"], InstanceId(change["instance"]), context)
        return super().apply(world, change, context)

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:
        """Read back that it runs anew; then every witness that can speak must agree, and its volumes be there."""
        up = super().verify(world, change, receipt, context)
        way = Settlement(
            instance=InstanceId(change["instance"]),
            name=change["name"],
            source=NodeName(change["source"]),
            target=NodeName(change["node"]),
            fence=change["fence"],
            vm_state=change["vm_state"],
            volumes=tuple(change["volumes"]),
        )
        return replace(up, sentence=f"{up.sentence}; {see_arrived(world, way, context)}")


def _relocation(step: str, instance: InstanceId, context: Context) -> Relocation | None:
    """Return the change of the rows, where that was made and the instance's own is among them."""
    status = context.status_of(step)
    if status.state is not StepState.DONE or status.change is None:
        return None
    found = Relocation.from_json(status.change)
    return found if instance in found.names else None


def _settlement(world: World, instance: Instance, relocation: Relocation) -> Settlement:
    """Return what the others say of an instance now, as far as it names the source."""
    source = relocation.source
    record, nodes = placement.allocations(world, instance.id)
    attached = volumes.mappings(world, [instance.id])
    cinder = {m.volume: volumes.of_volume(world, m.volume).attachments for m in attached}
    return Settlement(
        instance=instance.id,
        name=instance.name,
        source=source,
        target=relocation.seat.host,
        fence=relocation.fence,
        vm_state=next(r.vm_state or "" for r in relocation.rows if r.uuid == instance.id),
        ports=tuple(b.port for b in network.bindings(world, instance.id) if b.host == source),
        allocations=record if source in nodes.values() else {},
        attachments={
            a.id: m.volume for m in attached for a in cinder[m.volume] if a.id == m.attachment and a.host == source
        },
        volumes=instance.volumes,
    )
