"""Each witness's word on whether a node lives, as a sign with a sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from stackmend.domain.death import Bearing, DeathFacts, Echo, PowerSeen, Sign, Stir
from stackmend.domain.power import Power
from stackmend.errors import Code

LET_IN_BADLY = frozenset({Code.SSH_AUTH, Code.COMMAND_TIMEOUT, Code.COMMAND_FAILED})
"""Errors behind which the node's own sshd answered, its host key checked."""

_POWER = {Power.ON: Bearing.ON, Power.OFF: Bearing.OFF}


def signs(facts: DeathFacts) -> tuple[Sign, ...]:
    """Return every witness's sign; those who could not be asked are among them, with the reason."""
    return tuple(_signs(facts))


def _signs(facts: DeathFacts) -> Iterator[Sign]:
    yield _nova(facts)
    yield _ssh(facts)
    yield _libvirt(facts)
    for echo in facts.echoes:
        yield _echo(facts, echo)
    if facts.power is not None:
        yield _power(facts, facts.power)
    for stir in facts.stirs:
        yield _stir(facts, stir)
    yield _neutron(facts)


def _stir(facts: DeathFacts, stir: Stir) -> Sign:
    if stir.alive is None:
        bearing = Bearing.UNASKED
    elif stir.alive:
        bearing = Bearing.ALIVE
    else:
        bearing = Bearing.LATELY if stir.lately else Bearing.NO_ANSWER
    return Sign(stir.witness, bearing, stir.says, facts.at, stir.silent)


def moment(at: datetime | None) -> str:
    """Return a time as sentences say it."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at is not None else "an unknown time"


def _nova(facts: DeathFacts) -> Sign:
    nova, record = facts.nova, facts.nova.record
    if nova.silent:
        return Sign("nova", Bearing.UNASKED, "", facts.at, nova.silent)
    if record is None:
        return Sign("nova", Bearing.UNASKED, "", facts.at, "nova has no nova-compute there")
    last = f"last heartbeat at {moment(nova.beats[-1] if nova.beats else None)}"
    watched = f", no other in {nova.listened:.0f} s" if nova.listened and not nova.advanced else ""
    forced = ", forced down" if record.forced_down else ""
    if nova.advanced:
        return Sign("nova", Bearing.ALIVE, f"{last}, it advances{forced}", facts.at)
    if record.up:
        return Sign("nova", Bearing.LATELY, f"{last}{watched}", facts.at)
    return Sign("nova", Bearing.NO_ANSWER, f"{last}{watched}; nova says down{forced}", facts.at)


def _ssh(facts: DeathFacts) -> Sign:
    shell = facts.shell
    if shell.glance is not None:
        system = f"; systemd says {shell.glance.system}" if shell.glance.system else ""
        return Sign("ssh", Bearing.ALIVE, f"a shell answers{system}", facts.at)
    if shell.code in LET_IN_BADLY:
        return Sign("ssh", Bearing.ALIVE, f"its sshd answers, but {shell.silent}", facts.at)
    if shell.code in {Code.SSH_UNREACHABLE, Code.COMMAND_LOST}:
        return Sign("ssh", Bearing.NO_ANSWER, shell.silent, facts.at)
    return Sign("ssh", Bearing.UNASKED, "", facts.at, shell.silent)


def _libvirt(facts: DeathFacts) -> Sign:
    glance = facts.shell.glance
    if glance is None:
        return Sign("libvirt", Bearing.UNASKED, "", facts.at, "no shell on the node to ask it from")
    if glance.domains is None:
        return Sign("libvirt", Bearing.NO_ANSWER, "virsh gets no answer", facts.at)
    counted = ", ".join(f"{count} {state}" for state, count in glance.domains.items()) or "none"
    return Sign("libvirt", Bearing.ALIVE, f"it answers; domains: {counted}", facts.at)


def _echo(facts: DeathFacts, echo: Echo) -> Sign:
    name = f"ping from {echo.peer}"
    if echo.answered is None:
        return Sign(name, Bearing.UNASKED, "", facts.at, echo.silent)
    bearing = Bearing.ALIVE if echo.answered else Bearing.NO_ANSWER
    return Sign(name, bearing, f"{echo.address}: {echo.says}" if echo.says else echo.address, facts.at)


def _power(facts: DeathFacts, power: PowerSeen) -> Sign:
    if power.silent or power.state not in _POWER:
        return Sign("power", Bearing.UNASKED, "", facts.at, power.silent or "its controller does not know")
    return Sign("power", _POWER[power.state], power.says or f"its controller says {power.state}", facts.at)


def _neutron(facts: DeathFacts) -> Sign:
    if facts.agents is None:
        return Sign("neutron", Bearing.UNASKED, "", facts.at, "neutron could not be asked")
    if not facts.agents:
        return Sign("neutron", Bearing.UNASKED, "", facts.at, "neutron has no agent there")
    dead = [agent.kind for agent in facts.agents if not agent.alive]
    if dead:
        return Sign("neutron", Bearing.NO_ANSWER, f"neutron takes for dead: {', '.join(dead)}", facts.at)
    beats = [agent.heartbeat for agent in facts.agents if agent.heartbeat is not None]
    last = f"; last heartbeat at {moment(max(beats))}" if beats else ""
    return Sign("neutron", Bearing.LATELY, f"neutron takes its agents for alive{last}", facts.at)
