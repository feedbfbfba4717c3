"""Whether an instance's directory is needed, by nova, by every libvirt that may use it, and by its disks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from stackmend.domain.instance import Instance
from stackmend.domain.instance_files import SALVAGE, Entry, Item, Kind, Standing
from stackmend.domain.values import InstanceId
from stackmend.rules.instance_evidence import Evidence, Used
from stackmend.rules.instance_names import instance_of, kind_of

MIGRATION_ENDED = frozenset({"completed", "confirmed", "reverted", "done", "error", "failed", "cancelled"})
"""Nova's states of a migration in which nothing of it goes on."""

_RUNNING = frozenset({"active", "paused", "rescued", "stopped", "suspended"})
"""States in which nova expects a domain."""

_CELL = "nova has its instance, but not where it is: its cell does not answer"


@dataclass(frozen=True)
class Said:
    """A judgement, before the disks are looked at."""

    standing: Standing
    sentence: str
    hint: str = ""


def directory_item(evidence: Evidence, entry: Entry) -> Item:
    """Judge an instance's directory, or what a resize or a deletion keeps of one."""
    said = _with_disks(evidence, entry, _needed(evidence, entry))
    said = _with_limits(evidence, entry, said)
    return Item(entry.name, kind_of(entry.name), said.standing, said.sentence, said.hint, entry=entry)


def _with_disks(evidence: Evidence, entry: Entry, said: Said) -> Said:
    fault = evidence.fault(entry.name)
    if said.standing not in {Standing.IN_USE, Standing.NEEDED_ELSEWHERE, Standing.RECOVERABLE}:
        return replace(said, sentence=f"{said.sentence}; {fault}") if fault else said
    if not fault:
        return said
    if said.standing is Standing.RECOVERABLE and evidence.record(instance_of(entry.name)) is None:
        return replace(said, standing=Standing.ORPHANED, sentence=f"{said.sentence}; {fault}", hint="")
    hint = "copy the directory away, and put the missing or broken file back, before the instance is started again"
    return Said(Standing.AT_RISK, f"{fault}; {said.sentence}", hint)


def _with_limits(evidence: Evidence, entry: Entry, said: Said) -> Said:
    """Take back what only a full look may say, where the entry was not seen as a whole."""
    if said.standing not in {Standing.ORPHANED, Standing.RECOVERABLE}:
        return said
    complaint = evidence.complaint(entry.name)
    if complaint:
        return Said(Standing.UNKNOWN, f"{said.sentence}, but it could not be read: {complaint}")
    if entry.type == "l":
        hint = "look at what it points to; stackmend moves no links"
        return Said(Standing.UNKNOWN, f"{said.sentence}, but it is a symbolic link", hint)
    return said


def _needed(evidence: Evidence, entry: Entry) -> Said:
    instance = instance_of(entry.name)
    record = evidence.record(instance)
    here, there = evidence.here.get(entry.name), evidence.there.get(entry.name)
    if here is not None:
        return _with_domain(evidence, here, record)
    if there is not None:
        sentence = f"libvirt on {there.node} has its domain {there.domain.name} ({there.domain.state})"
        return Said(Standing.NEEDED_ELSEWHERE, f"{sentence}, and sees this directory")
    if record is None:
        return _unknown_to_nova(evidence, instance)
    if kind_of(entry.name) is Kind.INSTANCE:
        return _recorded(evidence, record)
    if not record.vm_state:
        return Said(Standing.UNKNOWN, _CELL)
    if record.vm_state == "resized" or record.task_state or _moving(evidence, record):
        return Said(Standing.IN_USE, f"nova works on its instance, which is {_state(record)}")
    return _left_over(evidence, Said(Standing.RECOVERABLE, f"nova has its instance on {record.host or 'no node'}"))


def _with_domain(evidence: Evidence, here: Used, record: Instance | None) -> Said:
    node = evidence.facts.node
    domain = f"libvirt has its domain {here.domain.name} here ({here.domain.state})"
    if (record is None and evidence.facts.nova.silent) or (record is not None and not record.vm_state):
        return Said(Standing.IN_USE, f"{domain}; nova did not say")
    if record is None:
        return Said(Standing.AT_RISK, f"{domain}, but nova has no such instance", "find out whose the domain is")
    if record.host == node:
        return Said(Standing.IN_USE, f"nova has it here ({_state(record)}), and {domain}")
    if record.task_state or _moving(evidence, record):
        return Said(Standing.IN_USE, f"nova is moving it, and {domain}")
    if record.host in evidence.sharing and not here.domain.is_active:
        return Said(
            Standing.NEEDED_ELSEWHERE, f"nova has it on {record.host}, which sees this directory; {domain}, too"
        )
    hint = "find out which of the two is the instance, before either is started"
    return Said(Standing.AT_RISK, f"{domain}, but nova has it on {record.host or 'no node'}", hint)


def _recorded(evidence: Evidence, record: Instance) -> Said:
    facts = evidence.facts
    if record.host == facts.node:
        sentence = f"nova has it here ({_state(record)})"
        if facts.libvirt_silent or record.vm_state not in _RUNNING or record.task_state:
            return Said(Standing.IN_USE, sentence)
        hint = f"`openstack server reboot --hard {record.id}` makes its domain again"
        return Said(Standing.IN_USE, f"{sentence}, but libvirt has no domain of it", hint)
    if record.host in evidence.sharing:
        return Said(Standing.NEEDED_ELSEWHERE, f"nova has it on {record.host}, which sees this directory")
    if f"{record.id}/{SALVAGE}" in facts.listing.files:
        sentence = (
            f"a salvage that has not ended put it here; nova still has its instance on {record.host or 'no node'}"
        )
        return Said(Standing.UNKNOWN, sentence, "resume or undo that run: `stackmend runs list` shows it")
    if record.task_state or _moving(evidence, record):
        return Said(Standing.IN_USE, f"nova is moving it (it is {_state(record)} on {record.host or 'no node'})")
    return _left_over(evidence, _elsewhere(evidence, record))


def _elsewhere(evidence: Evidence, record: Instance) -> Said:
    facts = evidence.facts
    if not record.vm_state:
        return Said(Standing.UNKNOWN, _CELL)
    if not record.host:
        return Said(Standing.RECOVERABLE, f"nova has it on no node ({_state(record)})")
    sentence = f"nova has it on {record.host}"
    other = next((n for n in facts.neighbours if n.node == record.host), None)
    if other is None or other.silent:
        why = other.silent if other else "it is not in the inventory"
        return Said(Standing.UNKNOWN, f"{sentence}, which could not be asked whether it has its files: {why}")
    if record.id not in other.names:
        hint = "leave it alone: it may be the only copy"
        return Said(Standing.AT_RISK, f"{sentence}, which has no directory of it", hint)
    move = facts.nova.migrations.get(record.id)
    if move is not None and move.kind == "evacuation" and move.source == facts.node and move.status == "done":
        hint = "copy away what is still wanted, before nova-compute starts here"
        return Said(
            Standing.AT_RISK, f"{sentence}, by an evacuation: nova-compute removes this at its next start", hint
        )
    return Said(Standing.RECOVERABLE, f"{sentence}, which has a directory of its own for it; this was left behind")


def _left_over(evidence: Evidence, said: Said) -> Said:
    if evidence.silences and said.standing is not Standing.UNKNOWN:
        return Said(Standing.UNKNOWN, f"{said.sentence}; not everybody could be asked")
    return said


def _unknown_to_nova(evidence: Evidence, instance: InstanceId | None) -> Said:
    nova = evidence.facts.nova
    if evidence.silences:
        who = "nova's database has no such instance" if nova.way == "database" else "nothing is known to use it"
        who = who if nova.silent else "nova has no such instance"
        return Said(Standing.UNKNOWN, f"{who}, but not everybody could be asked")
    gone = nova.deleted.get(instance) if instance else None
    if gone is not None:
        named = f" ({gone.name})" if gone.name else ""
        return Said(Standing.RECOVERABLE, f"nova deleted its instance{named}, and no domain uses it")
    return Said(Standing.ORPHANED, "nova has no such instance, and no domain uses it")


def _moving(evidence: Evidence, record: Instance) -> bool:
    move = evidence.facts.nova.migrations.get(record.id)
    return move is not None and move.status not in MIGRATION_ENDED and evidence.facts.node in {move.source, move.target}


def _state(record: Instance) -> str:
    return record.vm_state + (f", {record.task_state}" if record.task_state else "")
