"""An audit of a directory of instances: a table with totals and what could not be seen, or data."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from stackmend.domain.instance_files import Audit, Item, Standing
from stackmend.render.output import show_data, show_rows
from stackmend.render.words import count

COLUMNS = ("item", "kind", "standing", "allocated", "age", "sentence")
DATA_COLUMNS = ("item", "kind", "standing", "sentence", "hint", "users", "apparent", "allocated", "changed")

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEP = 1024


def show_audit(audit: Audit, form: str) -> None:
    """Write an audit to standard output as table, json, yaml or csv."""
    if form == "csv":
        show_rows(DATA_COLUMNS, [_data(item) for item in audit.items], form)
    elif form != "table":
        show_data(as_data(audit), form)
    else:
        print(headline(audit))
        show_rows(COLUMNS, [_row(audit, item) for item in audit.items], form)
        print("\n".join(["", *remarks(audit), totals(audit)]))


def as_data(audit: Audit) -> dict[str, Any]:
    """Return an audit as JSON-ready data."""
    return {
        "node": audit.node,
        "path": audit.path,
        "at": audit.at.isoformat(),
        "shared_with": list(audit.shared_with),
        "items": [_data(item) for item in audit.items],
        "totals": {standing: {"items": number, "allocated": size} for standing, (number, size) in _sums(audit).items()},
        "unseen": list(audit.unseen),
    }


def headline(audit: Audit) -> str:
    """Return the first line: which directory, and who else sees it."""
    shared = f", shared with {' and '.join(audit.shared_with)}" if audit.shared_with else ""
    return f"{audit.path} on {audit.node}{shared} at {audit.at:%Y-%m-%d %H:%M:%S} UTC"


def remarks(audit: Audit) -> Iterator[str]:
    """Yield the hints, and what was not seen."""
    yield from (f"hint: {item.name}: {item.hint}" for item in audit.items if item.hint)
    yield from (f"unseen: {sentence}" for sentence in audit.unseen)


def totals(audit: Audit) -> str:
    """Return the last line: how many items of each standing, and what they take."""
    parts = (f"{number} {standing} ({size_words(size)})" for standing, (number, size) in _sums(audit).items())
    return f"{count(len(audit.items), 'item')}: {', '.join(parts) or 'nothing is there'}"


def size_words(size: int) -> str:
    """Return a number of bytes in the largest unit that gives at least one."""
    amount, unit = float(size), 0
    while amount >= _STEP and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}" if unit else f"{size} B"


def age_words(since: datetime, now: datetime) -> str:
    """Return how long ago something was, in days or less."""
    age = max(now - since, timedelta())
    if age.days:
        return f"{age.days} d"
    hours, rest = divmod(age.seconds, 3600)
    return f"{hours} h" if hours else f"{rest // 60} min"


def _sums(audit: Audit) -> dict[Standing, tuple[int, int]]:
    numbers = Counter(item.standing for item in audit.items)
    sizes: dict[Standing, int] = defaultdict(int)
    for item in audit.items:
        sizes[item.standing] += item.entry.allocated if item.entry else 0
    return {standing: (numbers[standing], sizes[standing]) for standing in Standing if numbers[standing]}


def _row(audit: Audit, item: Item) -> dict[str, Any]:
    entry = item.entry
    return {
        "item": item.name,
        "kind": item.kind,
        "standing": item.standing,
        "allocated": size_words(entry.allocated) if entry else "",
        "age": age_words(entry.changed, audit.at) if entry else "",
        "sentence": item.sentence,
    }


def _data(item: Item) -> dict[str, Any]:
    entry = item.entry
    return {
        "item": item.name,
        "kind": item.kind,
        "standing": item.standing,
        "sentence": item.sentence,
        "hint": item.hint,
        "users": list(item.users),
        "apparent": entry.apparent if entry else None,
        "allocated": entry.allocated if entry else None,
        "changed": entry.changed.isoformat() if entry else None,
    }
