"""Evacuations that nova goes on with no more: their target died, or began anew, or their message was lost on the way.

Nova leaves the record of such a one open for ever, and the instance rebuilding. It is asked for anew only where it is
shown that the former target can't run the instance, or does not.
"""

from __future__ import annotations

from datetime import datetime

from stackmend.actions.base import Context
from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.instance import ComputeService, Instance, Migration
from stackmend.domain.power import Power
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Failed, StackmendError
from stackmend.facts import domains, migrations, services, silence, units
from stackmend.rules.dropped import CATCH_UP, began_since, dropped


def why_dropped(world: World, record: Migration, instance: Instance, context: Context) -> str:
    """Return why nova goes on with an open evacuation no more; empty where it may still.

    Args:
        world: the cloud.
        record: the evacuation, that nova has not ended.
        instance: as nova has it now.
        context: of the step that asks.

    Raises:
        Failed: NODE_NOT_FENCED where its target is down and may run it all the same; WITNESSES_DISAGREE where it runs
            there though nova does not have it there; or the target could not be asked.
    """
    service = service_of(world, record.target)
    if service is None or not service.up:
        return f"{record.target} died in the middle of it: {_fenced(world, record.target, instance.name, service)}"
    if instance.host == record.target:
        return ""
    began = units.find(world, record.target, units.NOVA_COMPUTE).since
    if began is not None and began_since(record, began) and _caught_up(world, record, began, context):
        return ""
    why = dropped(record, instance, began, world.clock.now())
    if why:
        _runs_not(world, record.target, instance)
    return why


def service_of(world: World, node: NodeName) -> ComputeService | None:
    """Return nova's record of a node's nova-compute; None where it has none any more."""
    every = patiently(world.clock, lambda: services.compute_services(world))
    return next((s for s in every if s.host == node), None)


def _caught_up(world: World, record: Migration, began: datetime, context: Context) -> bool:
    """Return whether a nova-compute that began anew has taken the evacuation up after all."""
    looks: list[bool] = []

    def over() -> bool | None:
        context.progress(f"waiting whether nova-compute on {record.target}, which began anew, goes on with it")
        records = patiently(world.clock, lambda: migrations.of_instance(world, record.instance))
        looks.append(any(r.id == record.id and r.status != record.status for r in records))
        return looks[-1] or world.clock.now() > began + CATCH_UP or None

    world.clock.wait_for(over, timeout=2 * CATCH_UP.total_seconds(), interval=1.0)
    return looks[-1]


def _fenced(world: World, node: NodeName, name: str, service: ComputeService | None) -> str:
    """Return the sentence that tells why a target that is down can run nothing.

    Its power controller's "off" and silence are asked for; where no controller answers, silence, and that somebody has
    told nova that it is down.

    Raises:
        Failed: NODE_NOT_FENCED.
    """
    power, heard = _power(world, node), silence.listen(world, node)
    told = service is not None and service.forced_down
    if power is Power.OFF and not heard.alive:
        return f"its controller says {power}, and nothing answers there"
    if power is None and told and not heard.alive:
        return "nova was told that it is down, and nothing answers there"
    doubt = f"its controller says {power}" if power else "no controller of it answers"
    raise Failed(
        Code.NODE_NOT_FENCED,
        f"{name} was being started on {node} when that went down, and may run there: "
        + "; ".join((doubt, *heard.alive)),
        hint=f"bring {node} back, or fence it by `stackmend node recover {node}`; then resume: only then is {name} "
        "started elsewhere",
        evidence={"host": node},
    )


def _power(world: World, node: NodeName) -> Power | None:
    """Return what a node's controller says; None where it has none, or that does not answer."""
    if world.inventory.nodes[node].power is None:
        return None
    try:
        return world.power.state(node)
    except StackmendError:
        return None


def _runs_not(world: World, node: NodeName, instance: Instance) -> None:
    domain = domains.on_node(world, node).get(instance.id)
    if domain is not None and domain.is_active:
        raise Failed(
            Code.WITNESSES_DISAGREE,
            f"{instance.name} is {domain.state} on {node} by libvirt, but nova has it on {instance.host} and goes on "
            "with its evacuation no more",
            hint=f"`virsh destroy {instance.id}` on {node} ends it there; a resume then evacuates it anew",
            evidence={"instance": instance.id, "host": node},
        )
