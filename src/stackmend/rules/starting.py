"""Which instances are started, and in which order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stackmend.domain.instance import Instance

PRIORITY = "stackmend:priority"
"""Key of an instance's metadata with a whole number: the higher, the sooner it is started. Without it is 0."""


@dataclass(frozen=True)
class Wanted:
    """An instance that is to be started, and why; the reason is a clause without its name."""

    instance: Instance
    why: str


def priority(instance: Instance) -> int:
    """Return the priority that an instance's metadata gives it; 0 where there is none, or it is no number."""
    text = instance.metadata.get(PRIORITY, "").strip()
    return int(text) if text.removeprefix("-").isdigit() else 0


def in_order(wanted: Iterable[Wanted], order: str) -> tuple[Wanted, ...]:
    """Return them as they are to be started.

    Args:
        wanted: what is to be started.
        order: ``priority`` (then by name) or ``name``.
    """
    by_name = sorted(wanted, key=lambda w: (w.instance.name, w.instance.id))
    return tuple(sorted(by_name, key=lambda w: -priority(w.instance)) if order == "priority" else by_name)
