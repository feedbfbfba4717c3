"""From the words of a call to a plan that brings instances up."""

from __future__ import annotations

from collections.abc import Sequence

from stackmend.actions.booting import STARTABLE
from stackmend.actions.diagnosis import diagnose
from stackmend.adapters.world import World
from stackmend.cli.instance_views import ran_before
from stackmend.cli.plans import compute_node
from stackmend.domain.instance import Instance
from stackmend.domain.plan import Plan
from stackmend.errors import Code, Refused
from stackmend.facts import instances, was_running
from stackmend.rules.starting import Wanted, in_order
from stackmend.runbooks.instances import left_alone, plan_cure, plan_reboot, plan_start


def start_on(world: World, name: str, *, limit: int, order: str) -> Plan:
    """Return the plan that starts what ran on a node before it went down."""
    node = compute_node(world, name).name
    power = was_running.gather(world, node)
    judged = [(i, ran_before(power, i)) for i in power.instances]
    wanted = [Wanted(i, ran.sentence) for i, ran in judged if ran.was]
    left = [left_alone(i, ran) for i, ran in judged if not ran.was]
    notes = filter(None, left)
    return plan_start(node, in_order(wanted, order), notes, limit=limit, order=order, on_node=True)


def start_named(world: World, names: Sequence[str], *, limit: int, order: str) -> Plan:
    """Return the plan that starts instances which a person names.

    Raises:
        Refused: one is not known, on no node, or in a state that a start does not end.
    """
    found = {i.id: i for i in (_placed(world, name) for name in names)}
    for instance in found.values():
        if instance.vm_state not in STARTABLE:
            raise Refused(
                Code.INSTANCE_STATE,
                f"{instance.name} is {instance.vm_state}: a start does not bring it up",
                hint=f"see `stackmend instance diagnose {instance.name}`",
            )
    wanted = [Wanted(i, f"nova has it {i.vm_state}") for i in found.values()]
    subject = ",".join(sorted(i.name for i in found.values()))
    return plan_start(subject, in_order(wanted, order), limit=limit, order=order)


def reboot(world: World, name: str, *, hard: bool) -> Plan:
    """Return the plan that reboots an instance."""
    return plan_reboot(_placed(world, name), hard=hard)


def cure(world: World, name: str) -> Plan:
    """Return the plan of the cure that an instance's diagnosis names."""
    instance = instances.resolve(world, name)
    return plan_cure(instance, diagnose(world, instance)[1])


def _placed(world: World, name: str) -> Instance:
    instance = instances.resolve(world, name)
    if not instance.host:
        raise Refused(Code.INSTANCE_STATE, f"{instance.name} is {instance.vm_state} and on no node")
    if instance.host not in world.inventory.nodes:
        raise Refused(Code.NODE_UNKNOWN, f"{instance.name} is on {instance.host}, which the inventory does not have")
    return instance
