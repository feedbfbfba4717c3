"""What the witnesses of a volume come to: Cinder, nova's mapping, libvirt's XML, QEMU's open devices, and Ceph. Pure.

A repair is offered only where every witness that has to speak for the volume has spoken, and what they say shows it to
be safe; see docs/adr/0019. Who must speak: Cinder and nova always, and the libvirt of each node that any of them names
for the volume. Where none is named, a domain may be anywhere, so every node must speak. Where a repair takes a volume
away and the volume is in Ceph, Ceph must speak too, and know of no client but the domains; see docs/adr/0026.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from stackmend.domain.finding import Finding, Level
from stackmend.domain.instance import Instance
from stackmend.domain.values import InstanceId, NodeName
from stackmend.domain.volume import (
    NOBODY,
    NOWHERE,
    Attachment,
    Repair,
    VolumeCure,
    VolumeDisk,
    VolumeFacts,
    VolumeFinding,
    VolumeMapping,
)

SETTLED = 300.0
"""Seconds without a change after which a passing status has stuck: nova tries a detach for 160 s, 8 times 20."""

PROMPT = r"login: *$"
"""What the console of an instance at its login prompt shows."""

PASSING = frozenset({"attaching", "reserved", "detaching"})
"""Statuses that Cinder gives a volume for a moment only."""

RESERVED = "reserved"
"""Status of an attachment that leads nowhere yet: Cinder has not been told at which node."""

UNTRUE = PASSING | {"available"}
"""Statuses that are not true of a volume which an instance uses."""

_REBOOT = "`openstack server reboot --hard` makes libvirt's XML again from nova's record"


@dataclass(frozen=True)
class _Use:
    """What the witnesses have on one instance's use of a volume.

    Attributes:
        id: the instance's.
        record: nova's; None where nova has it no more.
        mapping: nova's; None for none.
        own: the attachment that the mapping rests on; None for none.
        others: the instance's further attachments.
        disks: libvirt's.
    """

    id: InstanceId
    record: Instance | None
    mapping: VolumeMapping | None
    own: Attachment | None
    others: tuple[Attachment, ...]
    disks: tuple[VolumeDisk, ...]

    @property
    def called(self) -> str:
        """How a sentence names the instance."""
        return self.record.name if self.record is not None else f"{self.id}, which nova has no more,"

    @property
    def host(self) -> NodeName:
        """The node that nova has it on; empty for none."""
        return self.record.host if self.record is not None else NOWHERE


def judge(facts: VolumeFacts, *, now: datetime, settled: float = SETTLED) -> tuple[VolumeFinding, ...]:
    """Return what is to be said of a volume: at least one finding.

    Args:
        facts: what the witnesses say.
        now: the time.
        settled: seconds without a change after which a passing status has stuck.
    """
    busy = _busy(facts, now, settled)
    found = tuple(_troubles(facts))
    if busy and (found or facts.volume is None or facts.volume.status in PASSING):
        return (_under_way(facts, busy),)
    unheard = _unheard(facts)
    if unheard:
        return (*(_without_cure(one) for one in found), _silent(facts, unheard))
    return _by_storage(facts, found or (_agreed(facts),))


def repairs(findings: Iterable[VolumeFinding], *kinds: Repair) -> tuple[VolumeCure, ...]:
    """Return the cures of findings, of the given kinds, one a volume: after one, the volume is looked at anew."""
    cures: dict[str, VolumeCure] = {}
    for found in findings:
        if found.cure is not None and found.cure.repair in kinds:
            cures.setdefault(found.cure.volume, found.cure)
    return tuple(cures.values())


def _uses(facts: VolumeFacts) -> tuple[_Use, ...]:
    ids = dict.fromkeys((*(a.instance for a in facts.attachments if a.instance), *(m.instance for m in facts.mappings)))
    ids |= dict.fromkeys(d.instance for d in facts.disks)
    return tuple(_use(facts, one) for one in ids)


def _use(facts: VolumeFacts, instance: InstanceId) -> _Use:
    mapping = next((m for m in facts.mappings if m.instance == instance), None)
    attachments = tuple(a for a in facts.attachments if a.instance == instance)
    own = next((a for a in attachments if mapping and mapping.attachment == a.id), None)
    return _Use(
        id=instance,
        record=facts.instances.get(instance),
        mapping=mapping,
        own=own,
        others=tuple(a for a in attachments if a is not own),
        disks=tuple(d for d in facts.disks if d.instance == instance),
    )


def _troubles(facts: VolumeFacts) -> Iterator[VolumeFinding]:
    uses = _uses(facts)
    for use in uses:
        if use.mapping is None and use.disks:
            yield _unknown_to_nova(facts, use)
        for attachment in use.others:
            yield _orphaned(facts, use, attachment)
        if use.mapping is not None:
            yield from _mapped(facts, use, use.mapping)
    if not uses and not facts.attachments and facts.volume is not None and facts.volume.status in PASSING | {"in-use"}:
        yield _unused(facts, facts.volume.status)


def _mapped(facts: VolumeFacts, use: _Use, mapping: VolumeMapping) -> Iterator[VolumeFinding]:
    """Yield what is wrong where nova has the volume attached: the first of these that is so, as the rest follows."""
    if use.own is None or facts.volume is None:
        yield _unknown_to_cinder(facts, use, mapping)
    elif use.own.status != "attached":
        yield _half_way(facts, use, use.own, mapping)
    elif _places(use, use.own) - {use.host}:
        yield _elsewhere(facts, use, use.own)
    elif not use.disks:
        yield from _not_in_domain(facts, use, mapping, facts.volume.status)
    elif any(not d.present or (d.running and not d.opened) for d in use.disks):
        yield _not_opened(facts, use)
    elif facts.volume.status in UNTRUE:
        yield _wrong_status(facts, use, mapping, facts.volume.status)


def _places(use: _Use, own: Attachment) -> set[NodeName]:
    return {place for place in (own.host, *(d.node for d in use.disks)) if place}


def _busy(facts: VolumeFacts, now: datetime, settled: float) -> str:
    """Return what still goes on with a volume; empty for nothing."""
    cells = [i for i in facts.instances.values() if not i.vm_state]
    if cells:
        return f"nova cannot say how {cells[0].name or cells[0].id} is: its cell is down"
    tasks = [i for i in facts.instances.values() if i.task_state]
    if tasks:
        return f"nova is {tasks[0].task_state} {tasks[0].name}"
    if facts.volume is None or facts.volume.updated is None:
        return ""
    age = (now - facts.volume.updated).total_seconds()
    return f"Cinder changed it {max(0.0, age):.0f} s ago" if age < settled else ""


def _unheard(facts: VolumeFacts) -> dict[NodeName, str]:
    """Return the nodes that must speak for a volume and did not, and why."""
    named = {i.host for i in facts.instances.values()} | {a.host for a in facts.attachments if a.instance}
    needed = (named | {d.node for d in facts.disks}) - {NOWHERE} or set(facts.asked)
    why = {n: facts.silent.get(n, "" if n in facts.asked else "it is not in the inventory") for n in sorted(needed)}
    return {node: reason for node, reason in why.items() if reason}


def _by_storage(facts: VolumeFacts, found: tuple[VolumeFinding, ...]) -> tuple[VolumeFinding, ...]:
    """Return what was found, with no cure that takes the volume from a client that only Ceph knows of."""
    if facts.watched is None:
        return found
    opened = sum(disk.opened for disk in facts.disks)
    kept = tuple(_without_cure(one) if one.cure and one.cure.takes_away else one for one in found)
    if facts.watched.silent:
        return found if kept == found else (*kept, _ceph_silent(facts, facts.watched.silent))
    return found if len(facts.watched.clients) <= opened else (*kept, _watched(facts, facts.watched.clients, opened))


def _without_cure(found: VolumeFinding) -> VolumeFinding:
    if found.cure is None:
        return found
    hint = "nothing is offered while a witness is silent"
    return replace(found, cure=None, finding=replace(found.finding, hint=hint))


def _agreed(facts: VolumeFacts) -> VolumeFinding:
    """Judge whether all witnesses say the same of a volume."""
    users = [f"{u.called} on {u.host}" for u in _uses(facts) if u.mapping is not None]
    status = facts.volume.status if facts.volume else "unknown"
    sentence = f"{facts.called} is {status}" + (f": {' and '.join(users)}" if users else ", and no instance uses it")
    return VolumeFinding(Finding("volume-agreed", Level.OK, sentence, facts.id), node=_node(facts))


def _under_way(facts: VolumeFacts, busy: str) -> VolumeFinding:
    """Judge whether something still goes on with a volume, so that what the witnesses say may pass."""
    sentence = f"{facts.called} is {facts.volume.status if facts.volume else 'unknown'} and may change yet: {busy}"
    finding = Finding("volume-under-way", Level.UNKNOWN, sentence, facts.id, "ask again", _evidence(facts))
    return VolumeFinding(finding, node=_node(facts))


def _silent(facts: VolumeFacts, unheard: dict[NodeName, str]) -> VolumeFinding:
    """Judge whether every libvirt that must speak for a volume could be asked."""
    sentence = f"{facts.called}: the libvirt of {', '.join(unheard)} could not be asked whether it uses it"
    hint = "bring the node back, or prove that it is off and recover it; then ask again"
    finding = Finding(
        "volume-witness-silent",
        Level.UNKNOWN,
        sentence,
        facts.id,
        hint,
        {str(node): why for node, why in unheard.items()},
    )
    return VolumeFinding(finding, node=next(iter(unheard)))


def _ceph_silent(facts: VolumeFacts, why: str) -> VolumeFinding:
    """Judge whether Ceph could be asked who has a volume's image open, where a repair depends on it."""
    sentence = f"{facts.called}: Ceph could not be asked who has its image open"
    hint = "see that `rbd status` works on a compute node, with the keyring that nova uses; then ask again"
    finding = Finding("volume-ceph-silent", Level.UNKNOWN, sentence, facts.id, hint, {"ceph": why})
    return VolumeFinding(finding, node=_node(facts))


def _watched(facts: VolumeFacts, clients: tuple[str, ...], opened: int) -> VolumeFinding:
    """Judge whether Ceph knows of more clients that have a volume's image open than there are domains that have."""
    many = "1 client has" if len(clients) == 1 else f"{len(clients)} clients have"
    domains = {0: "no domain has", 1: "1 domain has"}.get(opened, f"{opened} domains have")
    sentence = f"{many} the image of {facts.called} open in Ceph, from {', '.join(clients)}, and {domains}"
    hint = "the watch of a dead client ends after 30 s: ask again; one that stays is a domain or a job nobody told of"
    finding = Finding("volume-watched", Level.UNKNOWN, sentence, facts.id, hint, _evidence(facts))
    return VolumeFinding(finding, node=_node(facts))


def _unused(facts: VolumeFacts, status: str) -> VolumeFinding:
    """Judge a status that says a volume is used, where no witness knows of a use: no attachment, mapping or domain."""
    sentence = f"Cinder has {facts.called} {status}, and nobody uses it: no attachment, nothing in nova, in no domain"
    cure = _cure(facts, Repair.RESET, "available") if status in PASSING else None
    hint = "set it to available" if cure else "find out who set it in-use; `openstack volume set --state` mends it"
    return VolumeFinding(Finding("volume-status-stuck", Level.FAILED, sentence, facts.id, hint, _evidence(facts)), cure)


def _wrong_status(facts: VolumeFacts, use: _Use, mapping: VolumeMapping, status: str) -> VolumeFinding:
    """Judge a status that is not true of a volume which nova, libvirt and QEMU agree is in use."""
    sentence = (
        f"Cinder has {facts.called} {status}, but {use.called} uses it on {use.host}: its device is in the domain"
    )
    finding = Finding("volume-status-untrue", Level.FAILED, sentence, facts.id, "set it to in-use", _evidence(facts))
    return VolumeFinding(finding, _cure(facts, Repair.RESET, "in-use", use, mapping=mapping), use.host)


def _orphaned(facts: VolumeFacts, use: _Use, attachment: Attachment) -> VolumeFinding:
    """Judge an attachment of Cinder's that nova does not know of."""
    where = f" at {attachment.host}" if attachment.host else ""
    sentence = f"Cinder has {facts.called} {attachment.status}{where} for {use.called}"
    sentence = f"{sentence}, and nova knows nothing of it" if use.record is not None else sentence.rstrip(",")
    if use.mapping is not None:
        sentence = f"Cinder has a second attachment of {facts.called} for {use.called}, {attachment.status}{where}"
    wanted = "available" if len(facts.attachments) == 1 else "in-use"
    cure = (
        _cure(facts, Repair.RELEASE, wanted, use, attachment=attachment) if _is_idle(facts, use, attachment) else None
    )
    hint = "delete that attachment" if cure else "a domain still has the device, or nova's own may be meant: look first"
    finding = Finding("volume-attachment-orphaned", Level.FAILED, sentence, facts.id, hint, _evidence(facts))
    return VolumeFinding(finding, cure, attachment.host or use.host)


def _is_idle(facts: VolumeFacts, use: _Use, attachment: Attachment) -> bool:
    """Return whether no domain can rest on an attachment: each one that has the volume has a mapping elsewhere."""
    mapped = {m.instance for m in facts.mappings}
    strange = any(d.instance not in mapped or d.node == attachment.host for d in facts.disks)
    # a further attachment at the instance's own node, or at none yet, may be one that nova is about to use
    doubtful = use.mapping is not None and attachment.host in {use.host, NOWHERE}
    return facts.volume is not None and not strange and not doubtful


def _unknown_to_nova(facts: VolumeFacts, use: _Use) -> VolumeFinding:
    """Judge a volume that is in a domain, while nova knows nothing of it: another instance may be given it."""
    nodes = " and ".join(sorted({d.node for d in use.disks}))
    sentence = f"{facts.called} is in the domain of {use.called} on {nodes}, and nova has it not attached"
    cure, hint = None, "keep others from it; have the guest let go of it, then `virsh detach-disk` there; nova can't"
    if _runs(facts, use) and {d.node for d in use.disks} == {use.host}:
        # nova deletes Cinder's attachment too, where there is one
        cure = replace(_reboot(facts, use, "available"), record=_record(use.others[0]) if use.others else {})
        hint = _allow(use, "reboots it hard, which makes its domain again without it")
    finding = Finding("volume-unknown-to-nova", Level.FAILED, sentence, facts.id, hint, _evidence(facts))
    return VolumeFinding(finding, cure, use.disks[0].node)


def _unknown_to_cinder(facts: VolumeFacts, use: _Use, mapping: VolumeMapping) -> VolumeFinding:
    """Judge a volume that nova has attached, while Cinder has no such attachment: Cinder may give it to another."""
    what = f"no attachment {mapping.attachment}" if facts.volume else "no such volume"
    sentence = f"nova has {facts.called} attached to {use.called}, and Cinder has {what}"
    cure = None
    hint = "keep others from it; a live migration makes a new attachment, a reboot would have nova forget the volume"
    # where Cinder has an attachment for somebody else, detaching would have it take that one's volume for free
    if facts.volume is None and not use.disks and not mapping.root and _runs(facts, use):
        cure = _reboot(facts, use, "")
        hint = _allow(use, "reboots it hard, at which nova ends its record")
    free = facts.volume is not None and facts.volume.status in UNTRUE | {"in-use"} and not facts.attachments
    if free and len(facts.mappings) == 1 and not mapping.root and _runs(facts, use):
        kind = Repair.REATTACH if use.disks else Repair.DETACH
        cure = replace(
            _cure(facts, kind, "in-use" if use.disks else "available", use, mapping=mapping),
            attachment=mapping.attachment,
            interrupts=bool(use.disks),
        )
        hint = "end nova's record of it, which nothing bears out"
        if use.disks:
            hint = f"a live migration makes a new attachment; {_allow(use, 'has nova detach it and attach it again')}"
    finding = Finding("volume-unknown-to-cinder", Level.FAILED, sentence, facts.id, hint, _evidence(facts))
    return VolumeFinding(finding, cure, use.host)


def _half_way(facts: VolumeFacts, use: _Use, own: Attachment, mapping: VolumeMapping) -> VolumeFinding:
    """Judge an attachment that was begun and has got no further, with a record of it in nova."""
    sentence = f"the attachment of {facts.called} to {use.called} got no further than {own.status}"
    cure, hint = None, "nova and Cinder each refuse to end it, see docs/adr/0026 and `openstack server event list`"
    opened = bool(use.disks) and all(d.opened and d.node == use.host for d in use.disks)
    # Cinder's API names the node of a completed attachment only
    if opened and own.status == "attaching" and own.host in {NOWHERE, use.host}:
        cure = _cure(facts, Repair.COMPLETE, "in-use", use, attachment=own, mapping=mapping)
        hint = "complete it: its device is in the domain"
    elif own.status == RESERVED and not use.disks and not mapping.root and _runs(facts, use):
        cure = _reboot(facts, use, "available")
        hint = _allow(use, "deletes it and reboots the instance hard, at which nova ends its own record")
    finding = Finding("volume-half-attached", Level.FAILED, sentence, facts.id, hint, _evidence(facts))
    return VolumeFinding(finding, cure, use.host)


def _elsewhere(facts: VolumeFacts, use: _Use, own: Attachment) -> VolumeFinding:
    """Judge the node that Cinder's attachment and the domains name against the node that nova has the instance on."""
    places = " and ".join(sorted(_places(use, own) - {use.host}))
    sentence = f"nova has {use.called} on {use.host or 'no node'}, but {facts.called} is attached at {places}"
    hint = "see where the instance really runs with `stackmend instance show`, before anything is attached or detached"
    finding = Finding("volume-elsewhere", Level.FAILED, sentence, facts.id, hint, _evidence(facts))
    return VolumeFinding(finding, node=use.host)


def _not_in_domain(facts: VolumeFacts, use: _Use, mapping: VolumeMapping, status: str) -> Iterator[VolumeFinding]:
    """Judge whether a volume that nova has attached to an active instance is in its domain."""
    if use.record is None or use.record.vm_state not in {"active", "paused"}:
        return  # libvirt's XML is made again when the instance starts
    cure, hint = None, _REBOOT
    if use.id not in facts.running:
        hint = "no domain of it runs: see `stackmend instance diagnose`"
    elif mapping.root and use.record.vm_state == "active":
        cure = _reboot(facts, use, status)
        hint = _allow(use, "reboots it hard, which makes its domain again with it")
    elif use.record.vm_state == "active" and status == "detaching":
        cure = _cure(facts, Repair.DETACH, "available", use, attachment=use.own, mapping=mapping)
        hint = "end the detach, which the domain has carried out"
    elif use.record.vm_state == "active" and status == "in-use":
        cure = _cure(facts, Repair.REATTACH, "in-use", use, attachment=use.own, mapping=mapping)
        hint = "detach and attach it again, when the instance is at its login prompt"
    sentence = f"nova has {facts.called} attached to {use.called} on {use.host}, but it is not in the domain there"
    finding = Finding("volume-not-in-domain", Level.FAILED, sentence, facts.id, hint, _evidence(facts))
    yield VolumeFinding(finding, cure, use.host)


def _not_opened(facts: VolumeFacts, use: _Use) -> VolumeFinding:
    """Judge whether QEMU has a volume of a running domain open, and whether its path is there on the node."""
    disk = next(d for d in use.disks if not d.present or (d.running and not d.opened))
    what = f"{disk.source} is not there" if not disk.present else f"QEMU has no {disk.target} open"
    sentence = f"{facts.called} is in the domain of {use.called} on {disk.node}, but {what}"
    cure = _reboot(facts, use, "in-use") if _runs(facts, use) else None
    hint = _allow(use, "reboots it hard, which connects it anew") if cure else _REBOOT
    finding = Finding("volume-not-opened", Level.FAILED, sentence, facts.id, hint, _evidence(facts))
    return VolumeFinding(finding, cure, disk.node)


def _runs(facts: VolumeFacts, use: _Use) -> bool:
    """Return whether nova has the instance active and a QEMU process runs it: what nova's repairs need."""
    return use.record is not None and use.record.vm_state == "active" and use.id in facts.running


def _reboot(facts: VolumeFacts, use: _Use, wanted: str) -> VolumeCure:
    return replace(_cure(facts, Repair.REBOOT, wanted, use, attachment=use.own, mapping=use.mapping), interrupts=True)


def _allow(use: _Use, what: str) -> str:
    """Return the hint at a repair that somebody has to allow."""
    return f"`--fix --interrupt {use.record.name if use.record else use.id}` {what}"


def _node(facts: VolumeFacts) -> NodeName:
    return next((i.host for i in facts.instances.values()), NOWHERE)


def _evidence(facts: VolumeFacts) -> dict[str, str]:
    """Return each witness's word, short."""
    attachments = [f"{a.status} for {a.instance or 'no instance'} at {a.host or 'no node'}" for a in facts.attachments]
    mappings = [f"{m.device or 'a device'} of {m.instance}" for m in facts.mappings]
    disks = [f"{d.target} of {d.instance} on {d.node}" for d in facts.disks]
    opened = [f"{d.target} of {d.instance}" for d in facts.disks if d.opened]
    watchers = {"ceph": facts.watched.silent or ", ".join(facts.watched.clients) or "none"} if facts.watched else {}
    return {
        "cinder": facts.volume.status if facts.volume else "no such volume",
        "cinder attachments": "; ".join(attachments) or "none",
        "nova": "; ".join(mappings) or "none",
        "libvirt": "; ".join(disks) or "none",
        "qemu": "; ".join(opened) or "none",
        **watchers,
    }


def _cure(
    facts: VolumeFacts,
    repair: Repair,
    wanted: str,
    use: _Use | None = None,
    *,
    attachment: Attachment | None = None,
    mapping: VolumeMapping | None = None,
) -> VolumeCure:
    return VolumeCure(
        repair=repair,
        volume=facts.id,
        name=facts.called,
        former=facts.volume.status if facts.volume else "",
        wanted=wanted,
        attachment=attachment.id if attachment else "",
        attachment_status=attachment.status if attachment else "",
        instance=use.id if use else NOBODY,
        instance_name=(use.record.name if use.record else use.id) if use else "",
        node=use.host if use else NOWHERE,
        device=mapping.device if mapping else "",
        tag=mapping.tag if mapping else "",
        goes_with=mapping.goes_with if mapping else False,
        record=_record(attachment) if attachment else {},
    )


def _record(attachment: Attachment) -> dict[str, str]:
    return {name: str(value) for name, value in vars(attachment).items()}
