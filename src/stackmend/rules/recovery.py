"""Whether a dead node may be recovered, and what happens to each of its instances. Pure.

Invariant: an instance is moved only where all of it is kept by the very target that is named, or its owner's loss was
accepted by name. What is not known to be kept counts as lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stackmend.domain.death import Condition
from stackmend.domain.drain import Target
from stackmend.domain.instance import Resources
from stackmend.domain.recovery import Fate, Part, RecoveryFacts, RecoveryOptions, Rescue, Statement, Stranded
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, Refused
from stackmend.rules.drain import why_refused
from stackmend.rules.relocation import why_stays

EVACUABLE = frozenset({"active", "stopped", "error"})
"""What nova evacuates (nova/compute/api.py, ``check_instance_state`` of ``evacuate``)."""

WAVE = 0.5
"""Share of the compute nodes above which so many deaths at once are taken for a fault of the network."""

ALIVE = frozenset({Condition.UP, Condition.DEGRADED})


def objection(facts: RecoveryFacts, options: RecoveryOptions) -> Refused | None:
    """Return why the node is not recovered at all; None where it may be."""
    strangers = options.accept_loss - {s.instance.id for s in facts.stranded}
    if facts.condition in ALIVE:
        return Refused(
            Code.NODE_ALIVE,
            facts.why,
            hint=f"move its instances with `stackmend node drain {facts.node}`",
        )
    if strangers:
        return Refused(Code.INSTANCE_UNKNOWN, f"nova has none of these on {facts.node}: {', '.join(sorted(strangers))}")
    if options.target is not None and all(t.node != options.target for t in facts.targets):
        why = facts.unusable.get(options.target, "it is no other compute node of this cloud")
        return Refused(Code.NO_TARGET, f"nothing can be evacuated to {options.target}: {why}")
    return _unfenceable(facts, options) or _wave(facts, options)


def statement_that_counts(facts: RecoveryFacts, options: RecoveryOptions) -> Statement | None:
    """Return the operator's statement where it is needed: a controller that answers is believed before a person."""
    return options.statement if facts.controller_error or not facts.controlled else None


def _unfenceable(facts: RecoveryFacts, options: RecoveryOptions) -> Refused | None:
    if options.statement is not None or (facts.controlled and not facts.controller_error):
        return None
    why = facts.controller_error or f"the inventory names no power controller for {facts.node}"
    return Refused(
        Code.NODE_NOT_FENCED,
        f"nothing can prove that {facts.node} does not run its instances: {why}; {facts.why}",
        hint=f"take its power yourself, look that it is off, and state it: --i-have-fenced {facts.node} --reason HOW",
    )


def _wave(facts: RecoveryFacts, options: RecoveryOptions) -> Refused | None:
    if options.even_in_a_wave or len(facts.down) <= WAVE * facts.computes:
        return None
    return Refused(
        Code.MANY_DOWN,
        f"a wave: {len(facts.down)} of {facts.computes} compute nodes are down at once ({', '.join(facts.down)}), "
        "which is a fault of the network until it is proved otherwise",
        hint="look at the network, RabbitMQ and nova's database first; --even-in-a-wave goes on all the same",
    )


def rescue_all(facts: RecoveryFacts, options: RecoveryOptions) -> tuple[Rescue, ...]:
    """Decide for every instance on the node, in the order in which they will be moved: by priority, then by name."""
    room = {target.node: target.room for target in facts.targets}
    places = dict(facts.places)
    rescues = []
    for stranded in sorted(facts.stranded, key=lambda s: (-s.priority, s.instance.name, s.instance.id)):
        rescue = _rescue(stranded, facts, options, room, places)
        if rescue.target is not None:
            room[rescue.target] -= stranded.instance.resources
            places[stranded.instance.id] = rescue.target
        rescues.append(rescue)
    return tuple(rescues)


def parts_at(stranded: Stranded, facts: RecoveryFacts, target: NodeName) -> tuple[Part, ...]:
    """Return what becomes of an instance's parts where it is evacuated to a target."""
    files = _files_at(stranded.instance.id, facts, target)
    parts = []
    if stranded.instance.on_volume:
        parts.append(Part("root disk", Fate.KEPT, "it is a volume"))
    else:
        anew = "; it would be made anew from its image" if files.fate is Fate.LOST else ""
        parts.append(Part("root disk", files.fate, files.sentence + anew))
    if stranded.ephemeral_gb:
        parts.append(Part("ephemeral disk", files.fate, files.sentence))
    if stranded.swap_mb:
        parts.append(Part("swap disk", files.fate, files.sentence))
    if stranded.config_drive:
        fate = Fate.KEPT if files.fate is Fate.KEPT else Fate.MADE_ANEW
        parts.append(Part("config drive", fate, "nova makes it anew where it is missing"))
    return tuple(parts)


def _files_at(instance: InstanceId, facts: RecoveryFacts, target: NodeName) -> Part:
    """Return what becomes of the files in the instance's directory."""
    if any(t.node == target and instance in t.shared for t in facts.targets):
        return Part("files", Fate.KEPT, f"{target} shares its storage")
    if target in facts.doubtful.get(instance, ()):
        sentence = f"{target} has a directory of it, but nothing shows that it is the one {facts.node} used"
        return Part("files", Fate.UNKNOWN, sentence)
    seers = sorted(t.node for t in facts.targets if instance in t.shared)
    if seers:
        return Part("files", Fate.LOST, f"{target} does not see its files, {' and '.join(seers)} would")
    return Part("files", Fate.LOST, f"no node that can take it sees its files on {facts.node}")


def losses(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Return the parts that a person must accept the loss of."""
    return tuple(p for p in parts if p.fate.is_loss)


def made_anew(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Return the parts that are not kept as they are; a reboot makes none of them anew."""
    return tuple(p for p in parts if p.fate is not Fate.KEPT)


def _rescue(
    stranded: Stranded,
    facts: RecoveryFacts,
    options: RecoveryOptions,
    room: Mapping[NodeName, Resources],
    places: Mapping[InstanceId, NodeName],
) -> Rescue:
    instance = stranded.instance
    stays = why_stays(stranded, facts.tied.get(instance.id, "")) if options.by_database else ""
    if stays:
        return Rescue(stranded, None, f"{instance.name} waits: {stays}")
    if instance.vm_state not in EVACUABLE:
        sentence = (
            f"{instance.name} waits: it is {instance.vm_state}, and nova evacuates only what is active, stopped or in "
            f"ERROR; `openstack server set --state error {instance.id}` makes it so"
        )
        return Rescue(stranded, None, sentence)
    own = [f"{v} ({facts.own_volumes[v]})" for v in instance.volumes if v in facts.own_volumes]
    if own:
        sentence = (
            f"{instance.name} waits: {facts.node} itself serves its volume {', '.join(own)}, and nobody reaches that "
            "without it"
        )
        return Rescue(stranded, None, sentence)
    accepted = instance.id in options.accept_loss
    refusals: list[str] = []
    would_lose: tuple[Part, ...] = ()
    for target in _preferred(stranded, facts, options, room):
        why_not = why_refused(instance, target, room[target.node], facts.groups, places)
        if why_not:
            refusals.append(f"{target.node}: {why_not}")
            continue
        parts = parts_at(stranded, facts, target.node)
        lost = made_anew(parts) if options.by_database else losses(parts)
        if lost and not accepted:
            would_lose = would_lose or lost
            continue
        return Rescue(stranded, target.node, _told(stranded, parts), parts)
    return Rescue(stranded, None, _waits(stranded, facts, options, refusals, would_lose))


def _preferred(
    stranded: Stranded, facts: RecoveryFacts, options: RecoveryOptions, room: Mapping[NodeName, Resources]
) -> list[Target]:
    """Return the targets that may be tried: those that lose least first, then the one with most memory left."""
    allowed = [t for t in facts.targets if options.target in {None, t.node}]

    def cost(target: Target) -> tuple[int, int, NodeName]:
        fates = [p.fate for p in losses(parts_at(stranded, facts, target.node))]
        return 2 * fates.count(Fate.LOST) + fates.count(Fate.UNKNOWN), -room[target.node].memory_mb, target.node

    return sorted(allowed, key=cost)


def _told(stranded: Stranded, parts: Iterable[Part]) -> str:
    instance = stranded.instance
    lock = "; its lock is kept" if instance.locked else ""
    busy = f"; nova was {instance.task_state} it when the node went" if instance.task_state else ""
    said = "; ".join(f"{p.name} {p.fate} ({p.sentence})" for p in parts)
    return f"{instance.name} is {instance.vm_state}: {said}{lock}{busy}"


def _waits(
    stranded: Stranded,
    facts: RecoveryFacts,
    options: RecoveryOptions,
    refusals: list[str],
    would_lose: tuple[Part, ...],
) -> str:
    name = stranded.instance.name
    nowhere = list(refusals)
    nowhere += [f"{n}: {why}" for n, why in sorted(facts.unusable.items()) if options.target in {None, n}]
    elsewhere = f" ({'; '.join(nowhere)})" if nowhere else ""
    if would_lose:
        if options.by_database:
            return f"{name} waits: {'; '.join(map(_absent, would_lose))}{elsewhere}"
        said = "; ".join(f"its {p.name} would be lost: {p.sentence}" for p in would_lose if p.fate is Fate.LOST)
        doubt = "; ".join(
            f"its {p.name} is not known to be kept, which counts as lost: {p.sentence}"
            for p in would_lose
            if p.fate is Fate.UNKNOWN
        )
        told = "; ".join(filter(None, (said, doubt)))
        return f"{name} waits: {told}{elsewhere}; --accept-loss {name} moves it all the same"
    return f"{name} waits: it has nowhere to go{elsewhere or ' (there is no other compute node)'}"


def _absent(part: Part) -> str:
    """Return why a reboot would not find a part."""
    why = "no reboot makes it anew" if part.fate is Fate.MADE_ANEW else part.sentence.partition("; ")[0]
    return f"its {part.name} would not be there: {why}"
