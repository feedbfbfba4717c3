"""What is wrong on a node that shows itself: what is frozen, and what is broken. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from stackmend.domain.death import DeathFacts
from stackmend.domain.overview import Glance, Process
from stackmend.rules.death_planned import compute_of
from stackmend.rules.death_signs import moment
from stackmend.rules.overview import RUNNING, program

UNUSED = frozenset({"disabled", "indirect", "generated", "alias"})
"""States of a unit's file by which a unit that does not run is not missed."""
BY_VIRSH = frozenset({"libvirtd", "virtqemud"})
"""Units that may rest until a socket wakes them: whether virsh gets an answer tells more."""


FIRST_BEAT = timedelta(seconds=60)
"""How long a nova-compute that was started may take until nova hears it."""


@dataclass(frozen=True)
class Troubles:
    """What is wrong, a sentence each.

    Attributes:
        frozen: what is there and does nothing.
        broken: what does not run, or is not heard.
    """

    frozen: tuple[str, ...]
    broken: tuple[str, ...]


def troubles(facts: DeathFacts, glance: Glance) -> Troubles:
    """Return what is wrong on a node by its own word, by nova's and by neutron's."""
    compute = compute_of(glance)
    frozen = [f"{p.unit} is stopped by a signal" for p in glance.processes if p.stopped_by_signal]
    broken = [*_system(glance), *_compute(compute), *_units(glance), *_libvirt(glance), *_record(facts)]
    broken += _agents(facts)
    if _is_unheard(facts):
        since = f"nova hears no heartbeat of it since {moment(facts.nova.beats[-1] if facts.nova.beats else None)}"
        if compute is None or compute.active not in RUNNING or compute.stopped_by_signal:
            broken.append(since)
        elif _is_young(compute, facts.at):
            broken.append(f"{compute.unit} was started at {moment(compute.started)} and nova has not heard it yet")
        else:
            frozen.append(f"{compute.unit} has its process, but {since}")
    return Troubles(tuple(frozen), tuple(broken))


def _system(glance: Glance) -> Iterator[str]:
    if glance.system == "stopping":
        yield "it is shutting down"
    elif glance.system in {"initializing", "starting"}:
        yield "it is still booting"
    elif glance.system == "maintenance":
        yield "systemd is in its rescue shell"


def _compute(compute: Process | None) -> Iterator[str]:
    if compute is not None and compute.active not in RUNNING:
        yield _said(compute)


def _units(glance: Glance) -> Iterator[str]:
    """Yield what does not run of the units besides nova-compute and libvirt."""
    compute = compute_of(glance)
    for unit in glance.processes:
        if unit is compute or program(unit.unit) in BY_VIRSH or unit.file in UNUSED or unit.active in RUNNING:
            continue
        yield _said(unit)


def _libvirt(glance: Glance) -> Iterator[str]:
    if glance.domains is None:
        daemons = [f"{p.unit} is {p.active}" for p in glance.processes if p.unit in BY_VIRSH and p.file not in UNUSED]
        yield "libvirt gives no answer" + (f" ({', '.join(daemons)})" if daemons else "")


def _agents(facts: DeathFacts) -> Iterator[str]:
    dead = sorted({agent.kind for agent in facts.agents or () if not agent.alive})
    if dead:
        yield f"neutron hears no heartbeat of its {' and '.join(dead)}"


def _record(facts: DeathFacts) -> Iterator[str]:
    """Yield what nova says of the node that is no matter of its heartbeat alone."""
    nova, record = facts.nova, facts.nova.record
    if record is None:
        if not nova.silent:
            yield "nova has no nova-compute of that name"
    elif record.forced_down:
        yield "nova has it forced down"
    elif not record.up and not nova.advanced and _nobody_is_heard(facts):
        yield f"nova hears none of its {nova.others + 1} nova-computes: look at RabbitMQ and nova-conductor first"


def _is_unheard(facts: DeathFacts) -> bool:
    """Return whether nova misses this node's heartbeat, and not that of all nodes."""
    record = facts.nova.record
    if record is None or record.up or record.forced_down or facts.nova.advanced:
        return False
    return not _nobody_is_heard(facts)


def _is_young(unit: Process, at: datetime) -> bool:
    """Return whether a unit was started so lately that its first heartbeat may be to come."""
    return unit.started is not None and at - unit.started < FIRST_BEAT


def _nobody_is_heard(facts: DeathFacts) -> bool:
    return facts.nova.others > 0 and facts.nova.others_up == 0


def _said(unit: Process) -> str:
    masked = " and masked" if unit.file.startswith("masked") else ""
    result = f" ({unit.result})" if unit.active == "failed" and unit.result else ""
    since = f" since {moment(unit.ended)}" if unit.ended is not None and unit.active in {"inactive", "failed"} else ""
    return f"{unit.unit} is {unit.active}{masked}{result}{since}"
