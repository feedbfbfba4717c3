"""Look at the compute nodes again and again, and say what changed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

from stackmend.adapters.world import World
from stackmend.cli.context import CloudChoice, open_world
from stackmend.cli.open_runs import open_runs
from stackmend.domain.death import Condition, Diagnosis
from stackmend.domain.node import Node, Role
from stackmend.domain.values import NodeName
from stackmend.domain.watch import Event, Memory, Watching
from stackmend.errors import Exit
from stackmend.facts.concurrently import each
from stackmend.facts.death import BRIEF, gather
from stackmend.facts.watching import Round, look
from stackmend.render.watch import show_event
from stackmend.rules.death import judge
from stackmend.rules.watching import Beats, advance, confirmed, heard_since, is_news, needs_a_look, settled

READ_SECONDS = 3.0
"""How long nova's API may take before its database is asked."""
POWER_SECONDS = 3.0
"""How long a power controller may take to answer a request."""


class Watch:
    """A watch over all compute nodes of a cloud.

    Args:
        world: the cloud.
        state: directory of stackmend's runs.
        most_share: the share of nodes that may fail at once before it is called a wave.
    """

    def __init__(self, world: World, state: Path, most_share: float) -> None:
        self._world = world
        self._state = state
        self._most_share = most_share
        self._memory = Memory()
        self._beats: Mapping[NodeName, Beats] = {}
        self.nodes: tuple[Node, ...] = world.inventory.with_role(Role.COMPUTE)

    def round(self) -> tuple[Event, ...]:
        """Look at all nodes once, at suspicious ones twice more, and return what is new."""
        seen = look(self._world, self.nodes)
        self._hear(seen)
        glances = [judge(facts) for facts in seen.facts.values()]
        self._memory = settled(self._memory, glances)
        first = self._diagnose(seen, [glance.node for glance in glances if needs_a_look(self._memory, glance)])
        second = self._diagnose(seen, [node for node, found in first.items() if is_news(self._memory, found)])
        news = {node: found for node, found in second.items() if confirmed(self._memory, first[node], found)}
        self._memory, events = advance(
            self._memory, self._world.clock.now(), news, watched=len(self.nodes), most_share=self._most_share
        )
        return events

    def beginning(self, interval: float) -> Watching:
        """Return what is said after the first round."""
        up = sum(found.condition is Condition.UP for found in self._memory.said.values())
        names = tuple(node.name for node in self.nodes)
        return Watching(self._world.clock.now(), self._world.inventory.cloud, names, up, interval)

    @property
    def well(self) -> bool:
        """Whether every node is up, or is not so on purpose."""
        found = [self._memory.said.get(node.name) for node in self.nodes]
        return all(one is not None and (one.condition is Condition.UP or one.planned) for one in found)

    def _hear(self, seen: Round) -> None:
        """Remember the heartbeats of the nodes that are silent."""
        at = self._world.clock.now()
        silent = {node: facts.nova for node, facts in seen.facts.items() if facts.shell.glance is None}
        self._beats = {node: heard_since(self._beats.get(node), nova, at) for node, nova in silent.items()}

    def _diagnose(self, seen: Round, nodes: Sequence[NodeName]) -> Mapping[NodeName, Diagnosis]:
        runs = open_runs(self._state) if nodes else ()

        def ask(node: NodeName) -> Diagnosis:
            nova, beats = seen.facts[node].nova, self._beats.get(node, ())
            if len(beats) > 1:
                nova = replace(nova, beats=tuple(beat for _, beat in beats))
            facts = gather(self._world, node, runs=runs, care=BRIEF, nova=nova, peers=seen.peers_of(node))
            return judge(facts)

        return each(ask, nodes)


def watch_nodes(choice: CloudChoice, *, interval: float, most_share: float, once: bool, form: str) -> Exit:
    """Say every change of a compute node's condition until a signal ends the watch.

    Args:
        choice: which cloud.
        interval: seconds from the beginning of a look to that of the next.
        most_share: the share of nodes that may fail at once before it is called a wave.
        once: end after one look; FAILED then where a node is not up and nobody meant it.
        form: ``text`` or ``json``.
    """
    with _until_signal() as ended, open_world(choice, read_seconds=READ_SECONDS, power_seconds=POWER_SECONDS) as world:
        watch = Watch(world, choice.state, most_share)
        began = world.clock.monotonic()
        events = watch.round()
        show_event(watch.beginning(interval), form)
        while True:
            for event in events:
                show_event(event, form)
            if once:
                return Exit.DONE if watch.well else Exit.FAILED
            if ended.wait(max(0.0, began + interval - world.clock.monotonic())):
                return Exit.DONE
            began = world.clock.monotonic()
            events = watch.round()


@contextmanager
def _until_signal() -> Iterator[threading.Event]:
    """Give an event that Ctrl-C and SIGTERM set, so that a look that is under way comes to its end."""
    ended = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        del number, frame
        ended.set()

    former = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ended
    finally:
        for number, action in former.items():
            signal.signal(number, action)
