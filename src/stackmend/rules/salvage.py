"""Whether a node may be salvaged, and what happens to each of its instances. Pure.

Invariant: an instance is brought up only from a copy of all its files, on a node where nothing else goes by its name,
and where each file that its disks rest on is, or will be, at the very path that they name.
"""

from __future__ import annotations

from collections.abc import Mapping
from posixpath import basename, dirname

from stackmend.domain.drain import Target
from stackmend.domain.instance import Resources
from stackmend.domain.instance_files import BASE
from stackmend.domain.recovery import Stranded
from stackmend.domain.salvage import Copied, Salvaged, SalvageFacts, SalvageOptions
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, Refused
from stackmend.rules.drain import why_refused
from stackmend.rules.recovery import EVACUABLE

RESERVE = 1 << 30
"""Bytes that stay free on the target."""


def target_of(facts: SalvageFacts) -> Target | None:
    """Return the target as a recovery sees it; None where nothing can go there."""
    return next((t for t in facts.recovery.targets if t.node == facts.target.node), None)


def objection(facts: SalvageFacts, options: SalvageOptions) -> Refused | None:
    """Return why the node is not salvaged at all; None where it may be."""
    node = facts.node
    strangers = options.only - {s.instance.id for s in facts.recovery.stranded}
    if strangers:
        return Refused(Code.INSTANCE_UNKNOWN, f"nova has none of these on {node}: {', '.join(sorted(strangers))}")
    if facts.recovery.service.up and not facts.recovery.service.forced_down:
        return Refused(
            Code.NODE_ALIVE,
            f"nova-compute on {node} is up by its heartbeat: {node} is not offline for nova",
            hint=f"move its instances with `stackmend node drain {node}`",
        )
    if target_of(facts) is None:
        why = facts.recovery.unusable.get(facts.target.node, "it is no other compute node of this cloud")
        return Refused(Code.NO_TARGET, f"nothing can be brought up on {facts.target.node}: {why}")
    return _running(facts) or _unproved(facts, options)


def _running(facts: SalvageFacts) -> Refused | None:
    """A copy of a disk that is written to is no copy."""
    if not facts.running:
        return None
    names = {s.instance.id: s.instance.name for s in facts.recovery.stranded}
    said = "; ".join(f"{names.get(i, i)} runs there ({what})" for i, what in sorted(facts.running.items()))
    return Refused(
        Code.NODE_ALIVE,
        f"{facts.source.node} runs instances, so that their disks cannot be copied: {said}",
        hint="end them on the node (`virsh shutdown`, or SIGTERM for the process, which writes all back), then again",
    )


def _unproved(facts: SalvageFacts, options: SalvageOptions) -> Refused | None:
    """Refuse where nothing will prove that the node cannot run its instances."""
    if options.statement is not None:
        return None
    node, recovery = facts.node, facts.recovery
    hint = f"see to it yourself that it cannot run its instances, and state it: --i-have-fenced {node} --reason HOW"
    if facts.in_place:
        if any(u.removesuffix(".service").endswith("nova-compute") or "n-cpu" in u for u in facts.units):
            return None
        sentence = f"{node} has no unit of nova-compute, so it was started from another system, and none can be held"
        return Refused(Code.NODE_NOT_FENCED, sentence, hint=hint)
    if recovery.controlled and not recovery.controller_error:
        return None
    why = recovery.controller_error or f"the inventory names no power controller for {node}"
    return Refused(Code.NODE_NOT_FENCED, f"nothing can prove that {node} does not run its instances: {why}", hint=hint)


def decide(facts: SalvageFacts, options: SalvageOptions) -> tuple[Salvaged, ...]:
    """Decide for every instance that is meant, by priority, then by name.

    Raises:
        Refused: NO_ROOM where the target's file system cannot take the copies.
    """
    target = target_of(facts)
    room = target.room if target else Resources()
    places = dict(facts.recovery.places)
    found = []
    for stranded in sorted(facts.recovery.stranded, key=lambda s: (-s.priority, s.instance.name, s.instance.id)):
        if options.only and stranded.instance.id not in options.only:
            continue
        one = _decide(facts, stranded, room, places)
        if one.moves:
            room -= stranded.instance.resources
            places[stranded.instance.id] = facts.target.node
        found.append(one)
    needed = sum(one.data for one in found) + sum(
        b.data for b in wanted_bases(facts, tuple(found)) if basename(b.path) not in facts.bases
    )
    if needed and needed + RESERVE > facts.free:
        raise Refused(
            Code.NO_ROOM,
            f"{facts.target} has {_gib(facts.free)} free, and {_gib(needed)} are to be copied there "
            f"({_gib(RESERVE)} stay free)",
            hint="make room there, or salvage some of the instances to another node with --instance",
        )
    return tuple(found)


def wanted_bases(facts: SalvageFacts, found: tuple[Salvaged, ...]) -> tuple[Copied, ...]:
    """Return the files of the source's ``_base`` that what is copied rests on, each once, sorted by name."""
    names = {name for one in found if one.moves for name in one.bases}
    return tuple(b for name in sorted(names) if (b := facts.base(name)) is not None)


def _decide(
    facts: SalvageFacts, stranded: Stranded, room: Resources, places: Mapping[InstanceId, NodeName]
) -> Salvaged:
    instance, target = stranded.instance, target_of(facts)
    if instance.vm_state not in EVACUABLE:
        sentence = (
            f"{instance.name} waits: it is {instance.vm_state}, and nova evacuates only what is active, stopped or in "
            f"ERROR; `openstack server set --state error {instance.id}` makes it so"
        )
        return Salvaged(stranded, sentence)
    why = why_refused(instance, target, room, facts.recovery.groups, places) if target else "it is no target"
    if why:
        return Salvaged(stranded, f"{instance.name} waits: {facts.target.node} does not take it: {why}")
    if facts.shared or (target and instance.id in target.shared):
        return Salvaged(stranded, f"{facts.target.node} shares its directory, so nothing is copied", moves=True)
    if instance.on_volume and not stranded.ephemeral_gb and not stranded.swap_mb:
        return Salvaged(stranded, "its root disk is a volume, and it has no other, so nothing is copied", moves=True)
    return _copy(facts, stranded)


def _copy(facts: SalvageFacts, stranded: Stranded) -> Salvaged:
    instance = stranded.instance
    files = facts.of_instance(instance.id)
    bases = tuple(sorted({basename(one) for file in files for one in file.chain}))
    why = _why_not_copied(facts, stranded, files)
    if why:
        return Salvaged(stranded, f"{instance.name} waits: {why}")
    count = sum(f.kind == "file" for f in files)
    return Salvaged(stranded, f"its {count} files are copied", files, bases, moves=True)


def _why_not_copied(facts: SalvageFacts, stranded: Stranded, files: tuple[Copied, ...]) -> str:
    instance, target = stranded.instance, facts.target
    names = {basename(f.path) for f in files if dirname(f.path) == instance.id}
    if not any(n.startswith("disk") and n not in {"disk.info", "disk.config"} for n in names):
        return f"there is no disk of it in {facts.source}"
    if instance.id in facts.taken:
        return (
            f"{target} has a directory of it already, and nothing shows that it is the one {facts.node} used; "
            f"see `stackmend instance-dirs audit {target.node}`"
        )
    odd = [f.path for f in files if f.kind == "other"]
    if odd:
        return f"{odd[0]} is neither file nor directory, and is not copied"
    for file in files:
        for beneath in file.chain:
            if dirname(beneath) != f"{target.path}/{BASE}":
                return f"{file.path} rests on {beneath}, which {target.node} will not have at that path"
            if facts.base(basename(beneath)) is None and basename(beneath) not in facts.bases:
                return f"{file.path} rests on {beneath}, which is neither in {facts.source} nor on {target.node}"
    return ""


def _gib(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB"
