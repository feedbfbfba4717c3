"""Which items of a directory of instances may be put into the trash, and which of the trash may go for good."""

from __future__ import annotations

from collections.abc import Sequence

from stackmend.domain.instance_files import Audit, Item, Kind, Standing
from stackmend.errors import Code, Refused

_KINDS = frozenset({Kind.INSTANCE, Kind.RESIZE, Kind.DELETING, Kind.BASE})
_UNREADABLE = "\N{REPLACEMENT CHARACTER}"


def chosen(audit: Audit, names: Sequence[str]) -> tuple[Item, ...]:
    """Return the items that are to be put aside: those that were named, or all that are orphaned.

    What is recoverable (its instance is deleted, or has its files elsewhere) goes only where it is named.

    Raises:
        Refused: FILES_UNKNOWN, FILES_NEEDED, or NOTHING_TO_CLEAN where none was named.
    """
    by_name = {item.name: item for item in audit.items}
    if names:
        return tuple(_named(audit, by_name, name) for name in dict.fromkeys(names))
    items = tuple(item for item in audit.items if item.standing is Standing.ORPHANED and not why_kept(item))
    if not items:
        unseen = f"; not everything could be seen: {audit.unseen[0]}" if audit.unseen else ""
        raise Refused(
            Code.NOTHING_TO_CLEAN,
            f"nothing in {audit.path} on {audit.node} is orphaned{unseen}",
            hint=f"`stackmend instance-dirs audit {audit.node}` shows what is there",
        )
    return items


def why_kept(item: Item) -> str:
    """Return why an item must stay where it is; empty where it may go."""
    if item.entry is None or item.kind not in _KINDS:
        return "it is no instance's directory and no file of nova's image cache"
    if item.standing not in {Standing.ORPHANED, Standing.RECOVERABLE}:
        return f"it is {item.standing}: {item.sentence}"
    if _UNREADABLE in item.name or "\n" in item.name:
        return "its name cannot be written"
    return ""


def ended(audit: Audit) -> tuple[Item, ...]:
    """Return what is in the trash past its end date.

    Raises:
        Refused: NOTHING_TO_CLEAN.
    """
    items = tuple(i for i in audit.items if i.kind is Kind.TRASH and i.standing is Standing.ORPHANED)
    if not items:
        kept = [f"{i.name.rpartition('/')[2]}: {i.sentence}" for i in audit.items if i.kind is Kind.TRASH]
        raise Refused(
            Code.NOTHING_TO_CLEAN,
            f"nothing in the trash on {audit.node} is past its end date",
            hint="; ".join(kept) or "the trash is empty",
        )
    return items


def put_aside(audit: Audit, run: str) -> Item:
    """Return what a run put into the trash.

    Raises:
        Refused: FILES_UNKNOWN.
    """
    runs = {item.name.rpartition("/")[2]: item for item in audit.items if item.kind is Kind.TRASH}
    if run not in runs:
        raise Refused(
            Code.FILES_UNKNOWN,
            f"there is nothing of run {run} in the trash on {audit.node}",
            hint=f"it has: {', '.join(sorted(runs)) or 'nothing'}",
        )
    return runs[run]


def _named(audit: Audit, by_name: dict[str, Item], name: str) -> Item:
    item = by_name.get(name)
    if item is None:
        raise Refused(
            Code.FILES_UNKNOWN,
            f"there is no {name} in {audit.path} on {audit.node}",
            hint=f"`stackmend instance-dirs audit {audit.node}` shows the names",
        )
    why = why_kept(item)
    if why:
        raise Refused(Code.FILES_NEEDED, f"{name} on {audit.node} stays: {why}", hint=item.hint)
    return item
