"""From the words of a call to a plan that brings instances up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stackmend.actions.booting import STARTABLE
from stackmend.actions.diagnosis import diagnose
from stackmend.adapters.world import World
from stackmend.cli.instance_views import ran_before
from stackmend.cli.plans import compute_node
from stackmend.domain.instance import Instance
from stackmend.domain.node import Role
from stackmend.domain.plan import Plan
from stackmend.domain.values import InstanceId
from stackmend.errors import Code, Refused, StackmendError
from stackmend.facts import domains, instances, was_running
from stackmend.rules.starting import Wanted, in_order, run_elsewhere
from stackmend.runbooks.instances import left_alone, plan_cure, plan_reboot, plan_start


def start_on(world: World, name: str, *, limit: int, order: str) -> Plan:
    """Return the plan that starts what ran on a node before it went down."""
    node = compute_node(world, name).name
    power = was_running.gather(world, node)
    judged = [(i, ran_before(power, i)) for i in power.instances]
    astray = _run_elsewhere(world, [i for i, ran in judged if ran.was])
    wanted = [Wanted(i, ran.sentence) for i, ran in judged if ran.was and i.id not in astray]
    notes = [f"{i.name}: {astray[i.id]}" for i, _ in judged if i.id in astray]
    notes += filter(None, (left_alone(i, ran) for i, ran in judged if not ran.was))
    return plan_start(node, in_order(wanted, order), notes, limit=limit, order=order, on_node=True)


def start_named(world: World, names: Sequence[str], *, limit: int, order: str) -> Plan:
    """Return the plan that starts instances which a person names.

    Raises:
        Refused: one is not known, on no node, in a state that a start does not end, or running elsewhere.
    """
    found = {i.id: i for i in (_placed(world, name) for name in names)}
    for instance in found.values():
        if instance.vm_state not in STARTABLE:
            raise Refused(
                Code.INSTANCE_STATE,
                f"{instance.name} is {instance.vm_state}: a start does not bring it up",
                hint=f"see `stackmend instance diagnose {instance.name}`",
            )
    _refuse_astray(world, found.values())
    wanted = [Wanted(i, f"nova has it {i.vm_state}") for i in found.values()]
    subject = ",".join(sorted(i.name for i in found.values()))
    return plan_start(subject, in_order(wanted, order), limit=limit, order=order)


def reboot(world: World, name: str, *, hard: bool) -> Plan:
    """Return the plan that reboots an instance.

    Raises:
        Refused: it is in a state that nova does not reboot so, or it runs on another node.
    """
    instance = _placed(world, name)
    _refuse_astray(world, [instance])
    return plan_reboot(instance, hard=hard)


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


def _refuse_astray(world: World, found: Iterable[Instance]) -> None:
    known = {instance.id: instance for instance in found}
    for astray, why in _run_elsewhere(world, known.values()).items():
        instance = known[astray]
        raise Refused(
            Code.WITNESSES_DISAGREE,
            f"{instance.name} is not started: {why}, so it would run twice",
            hint=f"see `stackmend instance show {instance.name}`, and decide where it is to be",
        )


def _run_elsewhere(world: World, found: Iterable[Instance]) -> dict[InstanceId, str]:
    """Return which of the instances another node runs; a node that gives no answer says nothing of them."""
    nodes = [node.name for node in world.inventory.with_role(Role.COMPUTE)]
    answers = domains.on_nodes(world, nodes)
    return run_elsewhere(found, {n: a for n, a in answers.items() if not isinstance(a, StackmendError)})
