"""Where an instance is, decided from what every witness says.

Invariant: a place is *agreed* only where every witness that must speak for it has spoken, all of them name that one
node and no other, and no libvirt names a second node. A witness that could not be asked never counts as agreement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stackmend.domain.instance import Witness
from stackmend.domain.values import NodeName

LIBVIRT = "libvirt@"
PLACEMENT = "placement"
REQUIRED = ("nova", PLACEMENT)


@dataclass(frozen=True)
class Verdict:
    """The decision on where an instance is.

    Attributes:
        place: the one node that is agreed on; None where there is none.
        sentence: the decision for a person.
        dissent: the sentences that stand against it, one a witness.
    """

    place: NodeName | None
    sentence: str
    dissent: tuple[str, ...] = ()

    @property
    def agreed(self) -> bool:
        """Whether every witness agrees on one place."""
        return self.place is not None


def locate(witnesses: Sequence[Witness]) -> Verdict:
    """Decide where an instance is.

    Args:
        witnesses: at least nova, placement and the libvirt of every node where the instance may be. The migration
            record and neutron abstain where they have nothing on it (no places).
    """
    running = _libvirt_places(witnesses)
    if len(running) > 1:
        both = " and ".join(running)
        return Verdict(None, f"libvirt has it on {both} at once", tuple(w.says for w in witnesses if w.places))
    missing = _unheard(witnesses)
    if missing:
        return Verdict(None, "not every witness could be asked", missing)
    places = {place for witness in witnesses for place in witness.places}
    if len(places) != 1:
        return Verdict(None, _disagreement(places), tuple(w.says for w in witnesses if w.places or _must_speak(w)))
    place = places.pop()
    absent = _absent(witnesses, place)
    if absent:
        return Verdict(None, f"not every witness knows it on {place}", absent)
    return Verdict(place, f"every witness has it on {place}")


def without_fenced(witnesses: Sequence[Witness], node: NodeName) -> tuple[Witness, ...]:
    """Return the witnesses' words as they count where a node is proved to be fenced.

    Its libvirt runs nothing and is not asked. Placement goes on naming it beside the node that an instance was
    evacuated to, until its nova-compute starts again: that share is stale, and says nothing of where the instance is.
    """
    fenced = f"{LIBVIRT}{node}"
    return tuple(
        replace(w, places=tuple(p for p in w.places if p != node)) if w.name == PLACEMENT and len(w.places) > 1 else w
        for w in witnesses
        if w.name != fenced
    )


def _must_speak(witness: Witness) -> bool:
    return witness.name in REQUIRED or witness.name.startswith(LIBVIRT)


def _libvirt_places(witnesses: Sequence[Witness]) -> list[NodeName]:
    return sorted({p for w in witnesses if w.name.startswith(LIBVIRT) for p in w.places})


def _unheard(witnesses: Sequence[Witness]) -> tuple[str, ...]:
    silent = tuple(f"{w.name}: {w.silent}" for w in witnesses if w.silent)
    heard = {w.name for w in witnesses}
    unasked = tuple(f"{name}: not asked" for name in REQUIRED if name not in heard)
    return silent + unasked


def _absent(witnesses: Sequence[Witness], place: NodeName) -> tuple[str, ...]:
    needed = {*REQUIRED, f"{LIBVIRT}{place}"}
    named = {w.name for w in witnesses if place in w.places}
    return tuple(f"{name} does not have it on {place}" for name in sorted(needed - named))


def _disagreement(places: set[NodeName]) -> str:
    if not places:
        return "no witness has it anywhere"
    return "the witnesses name different places: " + ", ".join(sorted(places))
