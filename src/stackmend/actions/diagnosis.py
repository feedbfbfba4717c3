"""Asking what an instance's trouble is: the facts, and the causes that follow from them."""

from __future__ import annotations

from collections.abc import Iterable

from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.boot_failure import BootFacts, Cause, Cure
from stackmend.domain.instance import Instance
from stackmend.domain.node import Role
from stackmend.domain.values import InstanceId, NodeName
from stackmend.facts import instances
from stackmend.facts.boot_failure import gather
from stackmend.facts.concurrently import each
from stackmend.rules.boot_failure import causes


def diagnose(world: World, instance: Instance, nodes: Iterable[NodeName] = ()) -> tuple[BootFacts, tuple[Cause, ...]]:
    """Return what was seen of an instance, and the causes for its not running well.

    Args:
        world: the cloud.
        instance: nova's record.
        nodes: where to look for it beside its own node; every compute node of the inventory where none is named.
    """
    known = tuple(nodes) or tuple(node.name for node in world.inventory.with_role(Role.COMPUTE))
    facts = gather(world, instance, dict.fromkeys((*known, instance.host)) if instance.host else known)
    return facts, causes(facts)


def troubles(
    world: World, wanted: Iterable[InstanceId], *, spoken: bool = False
) -> dict[InstanceId, tuple[Cause, ...]]:
    """Return the causes of each instance that does not run well; those that do, or are deleted, are left out.

    Args:
        world: the cloud.
        wanted: ids of the instances.
        spoken: whether each must have written something to its console, too.
    """

    def ask(one: InstanceId) -> tuple[Cause, ...]:
        instance = patiently(world.clock, lambda: instances.get(world, one))
        if instance is None:
            return ()
        facts, found = diagnose(world, instance, (instance.host,) if instance.host else ())
        runs = facts.host is not None and facts.host.runs and instance.vm_state == "active"
        if runs and spoken and not found and facts.host and not facts.host.console.strip():
            return (Cause("not-spoken", "it runs, and has written nothing to its console yet", Cure.NONE, "wait"),)
        if found or runs:
            return found
        state = facts.host.state if facts.host else ""
        sentence = f"nova has it {instance.vm_state}, libvirt {state or 'not at all'}"
        return (Cause("not-running", sentence, Cure.NONE, "look at it"),)

    return {one: found for one, found in each(ask, wanted).items() if found}


def first_sentence(causes_found: tuple[Cause, ...]) -> str:
    """Return the first cause as a clause with its code."""
    return f"{causes_found[0].code}: {causes_found[0].sentence}" if causes_found else "no cause shows"
