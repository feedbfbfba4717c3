"""What is wrong on a node that shows itself: what is frozen, and what is broken. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stackmend.domain.death import DeathFacts
from stackmend.domain.overview import Glance, Process
from stackmend.rules.death_planned import compute_of
from stackmend.rules.death_signs import moment
from stackmend.rules.overview import RUNNING, program

UNUSED = frozenset({"disabled", "indirect", "generated", "alias"})
"""States of a unit's file by which a unit that does not run is not missed."""
BY_VIRSH = frozenset({"libvirtd", "virtqemud"})
"""Units that may rest until a socket wakes them: whether virsh gets an answer tells more."""


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
    broken = [*_system(glance), *_compute(compute), *_units(glance), *_libvirt(glance), *_agents(facts)]
    unheard = _unheard(facts)
    if unheard and compute is not None and compute.active in RUNNING and not compute.stopped_by_signal:
        (broken if _nobody_is_heard(facts) else frozen).append(f"{compute.unit} has its process, but {unheard}")
    elif unheard:
        broken.append(unheard)
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


def _unheard(facts: DeathFacts) -> str:
    """Return what nova misses of the node; empty where it hears it, or could not be asked."""
    nova, record = facts.nova, facts.nova.record
    if nova.silent:
        return ""
    if record is None:
        return "nova has no nova-compute of that name"
    if nova.advanced or (record.up and not record.forced_down):
        return "nova has it forced down" if record.forced_down else ""
    if record.forced_down:
        return "nova has it forced down"
    if _nobody_is_heard(facts):
        return f"nova hears none of its {nova.others + 1} nova-computes: look at RabbitMQ and nova-conductor first"
    return f"nova hears no heartbeat of it since {moment(record.heartbeat)}"


def _nobody_is_heard(facts: DeathFacts) -> bool:
    return facts.nova.others > 0 and facts.nova.others_up == 0


def _said(unit: Process) -> str:
    masked = " and masked" if unit.file.startswith("masked") else ""
    result = f" ({unit.result})" if unit.active == "failed" and unit.result else ""
    since = f" since {moment(unit.ended)}" if unit.ended is not None and unit.active in {"inactive", "failed"} else ""
    return f"{unit.unit} is {unit.active}{masked}{result}{since}"
