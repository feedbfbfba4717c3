"""Look at the compute nodes again and again, and say what changed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from stackmend.adapters.world import World
from stackmend.cli.context import CloudChoice, open_world
from stackmend.cli.open_runs import open_runs
from stackmend.cli.plans import compute_node
from stackmend.cli.watch_acting import Actor, Allowed
from stackmend.domain.death import Condition, Diagnosis
from stackmend.domain.node import Node, Role
from stackmend.domain.values import NodeName
from stackmend.domain.watch import Act, Event, Memory, Stage, Watching
from stackmend.errors import Code, Exit, UsageError
from stackmend.facts.concurrently import each
from stackmend.facts.death import BRIEF, gather
from stackmend.facts.watching import Round, look
from stackmend.render.watch import show_event
from stackmend.rules.death import judge
from stackmend.rules.watch_acts import Standing, most_at_once, too_many, why_not
from stackmend.rules.watching import (
    Beats,
    advance,
    confirmed,
    has_failed,
    heard_since,
    is_news,
    needs_a_look,
    same,
    settled,
)

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
        allowed: what it may do.
        doer: does it; None for a watch that only looks.
    """

    def __init__(
        self, world: World, state: Path, most_share: float, allowed: Allowed | None = None, doer: Actor | None = None
    ) -> None:
        self._world = world
        self._state = state
        self._most_share = most_share
        self._allowed = allowed or Allowed()
        self._doer = doer
        self._why: Mapping[NodeName, str] = {}
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
        before = self._memory
        self._memory, events = advance(
            self._memory, self._world.clock.now(), news, watched=len(self.nodes), most_share=self._most_share
        )
        return (*events, *(self._act(before, seen, first) if self._doer is not None else ()))

    def beginning(self, interval: float) -> Watching:
        """Return what is said after the first round."""
        up = sum(found.condition is Condition.UP for found in self._memory.said.values())
        names = tuple(node.name for node in self.nodes)
        share, act_on = self._allowed.max_share, tuple(sorted(self._allowed.nodes))
        return Watching(
            self._world.clock.now(),
            self._world.inventory.cloud,
            names,
            up,
            interval,
            act_on=act_on,
            max_share=share,
            most=most_at_once(share, len(names)),
            unfenceable=tuple(node for node in act_on if self._world.inventory.nodes[node].power is None),
        )

    @property
    def well(self) -> bool:
        """Whether every node is up, or is not so on purpose."""
        found = [self._memory.said.get(node.name) for node in self.nodes]
        return all(one is not None and (one.condition is Condition.UP or one.planned) for one in found)

    def _act(self, before: Memory, seen: Round, now: Mapping[NodeName, Diagnosis]) -> Iterator[Act]:
        """Begin what is allowed for nodes that were said to be down before this look and are so in it; say the rest."""
        doer = self._doer
        assert doer is not None  # noqa: S101 - for the type checker: the caller looked
        yield from doer.news()
        doer.forget(self._memory.said.values())
        standing = self._standing(doer, seen, now)
        doer.objection = too_many(standing)
        down = [now[node] for node in before.failed if node in now and same(before.said[node], now[node])]
        why = {one.node: why_not(one, standing) for one in down if one.node not in standing.acted}
        for node, sentence in sorted(why.items()):
            if not sentence:
                doer.begin(node)
            elif self._why.get(node) != sentence:
                yield Act(self._world.clock.now(), node, Stage.LEFT, sentence)
        self._why = why

    def _standing(self, doer: Actor, seen: Round, now: Mapping[NodeName, Diagnosis]) -> Standing:
        records = {node: facts.nova.record for node, facts in seen.facts.items()}
        forced = {node for node, record in records.items() if record is not None and record.forced_down}
        failing = {node for node, found in now.items() if has_failed(found)}
        return Standing(
            allowed=self._allowed.nodes,
            max_share=self._allowed.max_share,
            watched=len(self.nodes),
            down=frozenset(forced | failing | self._memory.failed.keys() | doer.acted.keys()),
            controlled=frozenset(node.name for node in self.nodes if node.power is not None),
            acted=dict(doer.acted),
            wave=self._memory.wave,
        )

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


@dataclass(frozen=True)
class Wanted:
    """What the operator wants a watch to do besides saying.

    Attributes:
        act_on: names of nodes that are recovered where they are found dead.
        max_share: percentage of the nodes above which none is acted on.
    """

    act_on: tuple[str, ...] = ()
    max_share: float = 0.0


def allow(world: World, wanted: Wanted, *, once: bool) -> Allowed:
    """Return what the operator allows a watch to do.

    Raises:
        UsageError: it could never be done.
        Refused: there is no such compute node.
    """
    nodes = frozenset(compute_node(world, name).name for name in wanted.act_on)
    max_share = wanted.max_share
    watched = len(world.inventory.with_role(Role.COMPUTE))
    if nodes and once:
        raise UsageError(Code.USAGE, "--act-on and --once exclude each other: one look is not enough to act on")
    if nodes and not most_at_once(max_share, watched):
        raise UsageError(
            Code.USAGE,
            f"--max-share {max_share:g} of {watched} compute nodes is less than one node: nothing could be acted on",
            hint=f"--max-share {-(-100 // watched)} allows one",
        )
    return Allowed(nodes, max_share)


def watch_nodes(
    choice: CloudChoice,
    *,
    interval: float,
    most_share: float,
    once: bool,
    form: str,
    wanted: Wanted,
) -> Exit:
    """Say every change of a compute node's condition until a signal ends the watch.

    Args:
        choice: which cloud.
        interval: seconds from the beginning of a look to that of the next.
        most_share: the share of nodes that may fail at once before it is called a wave.
        once: end after one look; FAILED then where a node is not up and nobody meant it.
        form: ``text`` or ``json``.
        wanted: what is done besides saying.
    """
    with ExitStack() as stack:
        ended = stack.enter_context(_until_signal())
        world = stack.enter_context(open_world(choice, read_seconds=READ_SECONDS, power_seconds=POWER_SECONDS))
        allowed = allow(world, wanted, once=once)
        doer = Actor(choice) if allowed.nodes else None
        if doer is not None:
            stack.callback(doer.end)
        watch = Watch(world, choice.state, most_share, allowed, doer)
        began = world.clock.monotonic()
        events = watch.round()
        show_event(watch.beginning(interval), form)
        while True:
            for event in events:
                show_event(event, form)
            if once:
                return Exit.DONE if watch.well else Exit.FAILED
            if ended.wait(max(0.0, began + interval - world.clock.monotonic())):
                for act in doer.end() if doer is not None else ():
                    show_event(act, form)
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
