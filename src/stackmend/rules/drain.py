"""What happens to each instance of a node that is drained: a stated treatment for every state, and a place with room.

Invariant: the treatments' moves fit, all at once, into the room that placement had; no move breaks a hard server group;
an instance gets a move only where nova and libvirt agree that it is on the node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stackmend.domain.drain import DrainFacts, DrainOptions, Mode, Target, Treatment
from stackmend.domain.instance import Domain, Instance, Resources, ServerGroup
from stackmend.domain.values import InstanceId, NodeName

BLOCKED_STATES = {
    "building": "is still being built; wait until it is active",
    "rescued": "is in rescue; `openstack server unrescue` it first",
    "resized": "waits for its resize to be confirmed or reverted",
    "error": "is in ERROR; find out why and reset or rebuild it",
}
RESTING_STATES = {
    "suspended": "is suspended; its saved memory lies on the node's own disk and stays there",
    "soft-delete": "is soft-deleted; nothing of it runs",
    "deleted": "is deleted; nothing of it runs",
    "shelved": "is shelved; nothing of it runs",
    "shelved_offloaded": "is shelved and offloaded; nothing of it is here",
}
LIVE_STATES = {"active", "paused"}
WATCHED_POLICIES = {"affinity", "anti-affinity"}


def treat_all(facts: DrainFacts, options: DrainOptions) -> tuple[Treatment, ...]:
    """Decide for every instance on the node, in the order in which they will be moved.

    Instances are placed largest memory first, each on the first target that takes it: targets that share its storage
    come before those that do not, then the one with most memory left.
    """
    room = {target.node: target.room for target in facts.targets}
    places = dict(facts.places)
    treatments = []
    for instance in sorted(facts.on_node.instances, key=lambda i: (-i.resources.memory_mb, i.name, i.id)):
        treatment = _treat(instance, facts, options, room, places)
        if treatment.target is not None:
            room[treatment.target] -= instance.resources
            places[instance.id] = treatment.target
        treatments.append(treatment)
    return tuple(treatments)


def unknown_domains(facts: DrainFacts, options: DrainOptions) -> tuple[Domain, ...]:
    """Return the active domains that nova does not have on the node, but for those that the operator leaves.

    One that is shut off loses nothing by a stop of the node; see ``idle_domains``.
    """
    return tuple(d for d in _foreign(facts) if d.is_active and d.uuid not in options.leave)


def idle_domains(facts: DrainFacts) -> tuple[Domain, ...]:
    """Return the domains that nova does not have on the node and that are shut off: named, and not touched."""
    return tuple(d for d in _foreign(facts) if not d.is_active)


def _foreign(facts: DrainFacts) -> Iterable[Domain]:
    known = {instance.id for instance in facts.on_node.instances}
    return (d for d in facts.on_node.domains.values() if d.uuid not in known)


def resting_mode(instance: Instance, domain: Domain | None, options: DrainOptions) -> tuple[Mode, str]:
    """Decide how an instance is treated by its state alone: LIVE, COLD, STAY or BLOCKED, with the sentence."""
    runs = domain is not None and domain.is_active
    if instance.id in options.leave:
        return Mode.STAY, "is left there, as asked" + (", and runs on until the node stops" if runs else "")
    if instance.task_state:
        return Mode.BLOCKED, f"is busy: nova is {instance.task_state} it; wait until that ends"
    if instance.vm_state in RESTING_STATES:
        return Mode.STAY, RESTING_STATES[instance.vm_state]
    if instance.vm_state in BLOCKED_STATES:
        return _blocked(instance, runs=runs)
    if instance.vm_state == "stopped":
        return _stopped(options, runs=runs)
    if instance.vm_state in LIVE_STATES:
        return _running(instance, domain, runs=runs)
    return Mode.BLOCKED, f"is {instance.vm_state}, for which there is no safe move"


def _blocked(instance: Instance, *, runs: bool) -> tuple[Mode, str]:
    sentence = BLOCKED_STATES[instance.vm_state]
    if instance.vm_state == "error" and not runs:
        return Mode.STAY, "is in ERROR and libvirt runs nothing of it; it stays as it is"
    return Mode.BLOCKED, sentence


def _stopped(options: DrainOptions, *, runs: bool) -> tuple[Mode, str]:
    if runs:
        return Mode.BLOCKED, "is stopped by nova's record, but libvirt runs it"
    if options.stopped == "stay":
        return Mode.STAY, "is stopped and stays, as asked"
    return Mode.COLD, "is stopped: it is moved cold and the move is confirmed; it stays stopped"


def _running(instance: Instance, domain: Domain | None, *, runs: bool) -> tuple[Mode, str]:
    if domain is None or not runs:
        seen = "does not know it" if domain is None else f"has it {domain.state}"
        return Mode.BLOCKED, f"is {instance.vm_state} by nova's record, but libvirt on the node {seen}"
    if domain.devices:
        return Mode.BLOCKED, "uses devices of the node: " + ", ".join(domain.devices)
    kept = " and stays paused" if instance.vm_state == "paused" else ""
    lock = "; its lock is kept" if instance.locked else ""
    return Mode.LIVE, f"is {instance.vm_state}: it is moved live{kept}{lock}"


def _treat(
    instance: Instance,
    facts: DrainFacts,
    options: DrainOptions,
    room: Mapping[NodeName, Resources],
    places: Mapping[InstanceId, NodeName],
) -> Treatment:
    mode, sentence = resting_mode(instance, facts.on_node.domains.get(instance.id), options)
    if not mode.moves:
        return Treatment(instance, mode, None, f"{instance.name} {sentence}")
    refusals = []
    for target in _preferred(facts.targets, instance, options, room):
        why_not = why_refused(instance, target, room[target.node], facts.groups, places)
        if why_not:
            refusals.append(f"{target.node}: {why_not}")
            continue
        if mode is Mode.LIVE and target.node not in _sharing(facts.targets, instance):
            return Treatment(instance, Mode.BLOCK_LIVE, target.node, f"{instance.name} {sentence}, with its disk")
        return Treatment(instance, mode, target.node, f"{instance.name} {sentence}")
    refusals.extend(f"{node}: {why}" for node, why in sorted(facts.unusable.items()) if options.target in {None, node})
    detail = "; ".join(refusals) if refusals else "there is no other compute node"
    return Treatment(instance, Mode.BLOCKED, None, f"{instance.name} has nowhere to go ({detail})")


def _sharing(targets: Iterable[Target], instance: Instance) -> set[NodeName]:
    return {t.node for t in targets if instance.on_volume or instance.id in t.shared}


def _preferred(
    targets: Iterable[Target], instance: Instance, options: DrainOptions, room: Mapping[NodeName, Resources]
) -> list[Target]:
    allowed = [t for t in targets if options.target in {None, t.node}]
    sharing = _sharing(allowed, instance)
    return sorted(allowed, key=lambda t: (t.node not in sharing, -room[t.node].memory_mb, t.node))


def why_refused(
    instance: Instance,
    target: Target,
    room: Resources,
    groups: Iterable[ServerGroup],
    places: Mapping[InstanceId, NodeName],
) -> str:
    """Return why a target does not take an instance; empty where it does.

    Args:
        instance: to be moved.
        target: where to.
        room: what is left there.
        groups: server groups, whether it is in them or not.
        places: where the groups' members are, or will be.
    """
    if not instance.resources.fits_in(room):
        return _shortage(instance.resources, room)
    if instance.id in target.cpu_refuses:
        return target.cpu_refuses[instance.id]
    for group in groups:
        why = _group_refuses(instance, target.node, group, places) if instance.id in group.members else ""
        if why:
            return why
    return ""


def _shortage(wanted: Resources, room: Resources) -> str:
    classes = (
        ("VCPU", wanted.vcpu, room.vcpu),
        ("MEMORY_MB", wanted.memory_mb, room.memory_mb),
        ("DISK_GB", wanted.disk_gb, room.disk_gb),
    )
    return ", ".join(f"{name} {want} wanted, {max(left, 0)} left" for name, want, left in classes if want > left)


def _group_refuses(
    instance: Instance, node: NodeName, group: ServerGroup, places: Mapping[InstanceId, NodeName]
) -> str:
    if group.policy not in WATCHED_POLICIES:
        return ""
    others = {places[m] for m in group.members if m != instance.id and m in places}
    if group.policy == "anti-affinity" and node in others:
        return f"server group {group.name} keeps its members apart, and one is there"
    if group.policy == "affinity" and others - {node}:
        return f"server group {group.name} keeps its members together, and others are on {', '.join(sorted(others))}"
    return ""
