"""Contradictions between the witnesses of a node's life. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from stackmend.domain.death import Bearing, DeathFacts, Sign
from stackmend.domain.finding import Finding, Level
from stackmend.domain.power import Power
from stackmend.domain.values import NodeName
from stackmend.rules.death_signs import moment


def findings(facts: DeathFacts, every: Sequence[Sign]) -> tuple[Finding, ...]:
    """Return what does not fit together."""
    found = (_power_contradicted(facts, every), _ping_differs(facts), _forced_down_alive(facts))
    return tuple(one for one in found if one is not None)


def power_is(facts: DeathFacts, state: Power) -> bool:
    """Return whether the node's power controller said so."""
    return facts.power is not None and not facts.power.silent and facts.power.state is state


def pingers(facts: DeathFacts, *, answered: bool) -> list[NodeName]:
    """Return the other nodes that got an answer to their ping, or those that got none."""
    return [echo.peer for echo in facts.echoes if echo.answered is answered]


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence lists them."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _power_contradicted(facts: DeathFacts, every: Sequence[Sign]) -> Finding | None:
    """Judge whether a power controller says off of a node that was seen to live."""
    living = [sign.name for sign in every if sign.bearing is Bearing.ALIVE]
    if not living or not power_is(facts, Power.OFF):
        return None
    return Finding(
        "power-contradicted",
        Level.WARNING,
        f"the power controller of {facts.node} says off, but it lives by {listed(living)}",
        facts.node,
        "do not take this controller's word as a fence: check that it is this node's, and reset it",
    )


def _ping_differs(facts: DeathFacts) -> Finding | None:
    """Judge whether a node answers the ping of some other nodes and not that of others."""
    answered, deaf = pingers(facts, answered=True), pingers(facts, answered=False)
    if not answered or not deaf:
        return None
    return Finding(
        "ping-differs",
        Level.WARNING,
        f"{facts.node} answers ping from {listed(answered)}, but not from {listed(deaf)}",
        facts.node,
        "look at the network between them",
    )


def _forced_down_alive(facts: DeathFacts) -> Finding | None:
    """Judge whether a node that is forced down in nova sends heartbeats all the same."""
    if facts.nova.record is None or not facts.nova.record.forced_down or not facts.nova.advanced:
        return None
    return Finding(
        "forced-down-alive",
        Level.WARNING,
        f"{facts.node} is forced down in nova, but its heartbeat advances ({moment(facts.nova.beats[-1])})",
        facts.node,
        f"openstack compute service set --up {facts.node} nova-compute, once it is known to be well",
    )
