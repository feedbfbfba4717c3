"""What each item of a directory of instances is: needed, orphaned, missing, at risk or recoverable.

Invariant: an item is *orphaned* or *recoverable* only where nova-api, the node's libvirt, and every node that sees the
same directory (or may see it) have spoken, and none of them needs it where it is. A witness that was silent never
counts as one that does not need it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from stackmend.domain.instance_files import BASE, Audit, Entry, FilesFacts, Item, Kind, Standing
from stackmend.rules.instance_bases import base_item
from stackmend.rules.instance_directories import directory_item
from stackmend.rules.instance_evidence import Evidence
from stackmend.rules.instance_names import entry_of, instance_of, kind_of

_OTHERS = frozenset({Kind.NOVA, Kind.TRASH, Kind.SALVAGE, Kind.OTHER})
_DIRECTORIES = frozenset({Kind.INSTANCE, Kind.RESIZE, Kind.DELETING})


def judge(facts: FilesFacts) -> Audit:
    """Judge everything in a node's directory of instances, and what is missing from it."""
    evidence = Evidence(facts)
    entries = facts.listing.entries
    directories = [directory_item(evidence, e) for e in entries if kind_of(e.name) in _DIRECTORIES]
    judged = {item.name: item.standing for item in directories}
    bases = [base_item(evidence, e, judged) for e in entries if kind_of(e.name) is Kind.BASE]
    others = [_other(facts, e) for e in entries if kind_of(e.name) in _OTHERS]
    unseen = (*evidence.silences, *facts.listing.complaints)
    if facts.nova.silent and facts.nova.way:
        unseen += (f"what is said of instances is by nova's {facts.nova.way}",)
    return Audit(
        node=facts.node,
        path=facts.listing.path,
        at=facts.at,
        shared_with=tuple(sorted(evidence.sharing)),
        items=(*directories, *_missing_directories(evidence), *bases, *_missing_files(evidence), *others),
        unseen=unseen,
    )


def _other(facts: FilesFacts, entry: Entry) -> Item:
    kind = kind_of(entry.name)
    if kind is Kind.NOVA:
        return Item(entry.name, kind, Standing.IN_USE, "nova-compute's own", entry=entry)
    if kind is Kind.OTHER:
        return Item(
            entry.name, kind, Standing.UNKNOWN, "its name is none that nova gives; it is not judged", entry=entry
        )
    run = entry.name.rpartition("/")[2]
    if kind is Kind.SALVAGE:
        hint = f"`stackmend runs resume {run}` goes on with it, `stackmend runs undo {run}` removes it"
        sentence = f"copies that salvage {run} makes or left; no instance uses them"
        return Item(entry.name, kind, Standing.UNKNOWN, sentence, hint, entry=entry)
    until = facts.listing.until.get(run)
    if until is None:
        return Item(
            entry.name, kind, Standing.UNKNOWN, "there is no end date with it; it is never removed", entry=entry
        )
    back = f"`stackmend instance-dirs restore {facts.node} {run}` puts it back"
    if until > facts.at:
        return Item(entry.name, kind, Standing.RECOVERABLE, f"put aside until {_date(until)}", back, entry=entry)
    hint = f"`stackmend instance-dirs empty-trash {facts.node}` removes it for good; {back}"
    return Item(
        entry.name, kind, Standing.ORPHANED, f"put aside, and past its end date {_date(until)}", hint, entry=entry
    )


def _date(until: datetime) -> str:
    return f"{until:%Y-%m-%d %H:%M} UTC"


def _missing_directories(evidence: Evidence) -> Iterator[Item]:
    """Yield the instances that nova has running or stopped on the node, and that have no directory there."""
    facts = evidence.facts
    names = {entry.name for entry in facts.listing.entries}
    for record in facts.nova.instances.values():
        if record.host != facts.node or record.id in names or record.launched is None or record.task_state:
            continue
        sentence = f"nova has {record.name} here ({record.vm_state}), but there is no directory of it"
        hint = "look for the directory on the nodes that it was on before; a rebuild makes it anew, without its data"
        yield Item(record.id, Kind.INSTANCE, Standing.MISSING, sentence, hint)


def _missing_files(evidence: Evidence) -> Iterator[Item]:
    """Yield the files that a domain or an overlay names, and that are not there; not those of missing directories."""
    files = evidence.facts.listing.files
    entries = {entry.name for entry in evidence.facts.listing.entries}
    named: dict[str, set[str]] = {}
    for used in {**evidence.there, **evidence.here}.values():
        for path in evidence.files_of(used.domain):
            named.setdefault(path, set()).add(f"domain {used.domain.name} on {used.node}")
    for path, users in evidence.users.items():
        named.setdefault(path, set()).update(users)
    for path in sorted(named.keys() - files):
        entry = entry_of(path)
        if path.startswith("/") or ":" in path.partition("/")[0] or (entry != path and entry not in entries):
            continue
        who = ", ".join(sorted(named[path]))
        kind = Kind.BASE if path.startswith(f"{BASE}/") else kind_of(entry)
        yield Item(
            path, kind, Standing.MISSING, f"{who} needs it, and it is not there", _refetch(kind), _users(named[path])
        )


def _refetch(kind: Kind) -> str:
    if kind is Kind.BASE:
        return "boot an instance of the same image here, or copy the file from another node: it has the same name there"
    return "copy it from a backup, or from a node that the instance was on before"


def _users(names: set[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in names if instance_of(name)))
