"""Whether a watch acts on a node that is down: only on what is proved dead, allowed by name, and few at once. Pure.

Acted on is what is *off* by all witnesses: its power controller reads back off, and it is silent. Whatever may run its
instances is left to a person. Where more of the nodes are down than the stated share, whatever the reason and whoever
acted on them, none is acted on: so many failures are a fault of the network until it is proved otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stackmend.domain.death import Condition, Diagnosis
from stackmend.domain.finding import Level
from stackmend.domain.values import NodeName


@dataclass(frozen=True)
class Standing:
    """What a watch knows when it decides.

    Attributes:
        allowed: nodes that the operator allowed it to act on.
        max_share: percentage of the nodes that may be down at once.
        watched: how many compute nodes there are.
        down: every node that counts into the share: failed, silent now, forced down in nova, or acted on and not yet
            readmitted.
        controlled: nodes with a power controller.
        acted: what came of each node that was acted on in this watch and is not yet readmitted.
        wave: whether a wave was said that is not over.
    """

    allowed: frozenset[NodeName]
    max_share: float
    watched: int
    down: frozenset[NodeName]
    controlled: frozenset[NodeName]
    acted: Mapping[NodeName, str] = field(default_factory=dict)
    wave: bool = False


def most_at_once(max_share: float, watched: int) -> int:
    """Return how many nodes a share of them is; a part of one is none."""
    return int(max_share * watched / 100)


def why_not(found: Diagnosis, standing: Standing) -> str:
    """Return why a node that is down is not acted on; empty where it is.

    Args:
        found: the node, found so twice and said, and found so again now.
        standing: what else is known.
    """
    node = found.node
    if node in standing.acted:
        return standing.acted[node]
    if found.planned:
        return f"this is planned: {found.planned}"
    by_hand = f"stackmend node recover {node}"
    if node not in standing.allowed:
        return f"that is not allowed (--act-on {node}); {by_hand}"
    return _unproved(found, standing, by_hand) or too_many(standing)


def readmitted(found: Diagnosis) -> bool:
    """Return whether a node that was acted on is back: up by every witness, not forced down, and enabled."""
    return found.condition is Condition.UP and not found.planned


def too_many(standing: Standing) -> str:
    """Return why so many nodes down at once forbid to act on any; empty where they do not."""
    most = most_at_once(standing.max_share, standing.watched)
    names = ", ".join(sorted(standing.down))
    if len(standing.down) > most:
        return (
            f"{len(standing.down)} of {standing.watched} nodes are down ({names}), and more than {most} "
            f"({standing.max_share:g} %) count as a fault of the network until it is proved otherwise"
        )
    return "a wave is not over, a fault of the network until it is proved otherwise" if standing.wave else ""


def _unproved(found: Diagnosis, standing: Standing, by_hand: str) -> str:
    node = found.node
    if node not in standing.controlled:
        return f"it has no power controller that could fence it; {by_hand} --i-have-fenced {node} --reason HOW"
    if found.condition is not Condition.OFF:
        return f"it is {found.condition}, not proved to be off, and its instances may run; {by_hand} fences it first"
    doubts = [one.sentence for one in found.findings if one.level is not Level.OK]
    return f"its witnesses contradict each other: {'; '.join(doubts)}" if doubts else ""
