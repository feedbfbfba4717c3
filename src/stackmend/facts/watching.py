"""A cheap look at all compute nodes: nova's list once, one script on each node, all at once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from stackmend.adapters.world import World
from stackmend.domain.death import DeathFacts
from stackmend.domain.node import Node
from stackmend.domain.values import NodeName
from stackmend.facts import death
from stackmend.facts.death import BRIEF


@dataclass(frozen=True)
class Round:
    """One cheap look at all nodes.

    Attributes:
        facts: what nova and each node itself say, by node.
        living: nodes whose shell answered, to ask others from.
    """

    facts: dict[NodeName, DeathFacts]
    living: tuple[NodeName, ...]

    def peers_of(self, node: NodeName) -> tuple[NodeName, ...]:
        """Return two other nodes that can be asked to ping a node; none where fewer answer."""
        return tuple(peer for peer in self.living if peer != node)[:2]


def look(world: World, nodes: Sequence[Node]) -> Round:
    """Look at all nodes; a node that does not answer soon counts as silent for now.

    Raises:
        Failed: AUTH_FAILED, TOKEN_EXPIRED: the asker's own fault.
    """
    at = world.clock.now()
    with ThreadPoolExecutor(1) as pool:
        of_nova = pool.submit(death.heard, world)
        shells = death.shells(world, nodes, BRIEF.reply)
        heard = of_nova.result()
    facts = {node: DeathFacts(node, at, death.seen(heard, node), shell) for node, shell in shells.items()}
    return Round(facts, tuple(node for node, shell in shells.items() if shell.glance is not None))
