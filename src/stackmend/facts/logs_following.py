"""New records of many nodes' logs as they are written, in one time line."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from heapq import heappop, heappush
from typing import Any

from stackmend.adapters.world import World
from stackmend.domain.log_record import LogQuery, LogRecord, NodeLogs
from stackmend.domain.values import NodeName
from stackmend.errors import StackmendError
from stackmend.facts.logs_answer import order, record
from stackmend.facts.logs_program import script
from stackmend.rules.logs_merge import offset_between
from stackmend.rules.logs_services import services_of

TAIL = "stackmend.facts.logs_tail"
HOLD_SECONDS = 0.7
"""How long a record waits for earlier ones of other nodes."""
AGAIN_SECONDS = 5.0
"""After which a node that was lost is tried again."""
CHUNK = 1 << 16

Event = LogRecord | NodeLogs


def follow(
    world: World, query: LogQuery, nodes: Sequence[NodeName], over: threading.Event | None = None
) -> Iterator[Event]:
    """Yield new records of nodes until the iterator is closed; and what is so of a node when it is lost or is back.

    A node without ``silent`` is being read.

    Args:
        world: the cloud.
        query: which records.
        nodes: which.
        over: set, from another thread, to end it; what had been read is yielded first.
    """
    follower = _Follower(world, query, over or threading.Event())
    threads = [threading.Thread(target=follower.node, args=(node,), daemon=True) for node in nodes]
    for thread in threads:
        thread.start()
    try:
        yield from follower.events()
    finally:
        follower.over.set()
        for node in nodes:
            world.ssh.reset(node)
        for thread in threads:
            thread.join(1)


class _Follower:
    """Reads nodes in threads, and puts their records in order."""

    def __init__(self, world: World, query: LogQuery, over: threading.Event) -> None:
        self._world = world
        self._query = query
        self._events: queue.Queue[Event] = queue.Queue()
        self.over = over

    def events(self) -> Iterator[Event]:
        """Yield records when they have waited for earlier ones, and all else at once."""
        waiting: list[tuple[float, int, float, LogRecord]] = []
        count = 0
        while not self.over.is_set():
            try:
                event = self._events.get(timeout=HOLD_SECONDS / 4)
            except queue.Empty:
                pass
            else:
                if isinstance(event, NodeLogs):
                    yield event
                else:
                    count += 1
                    heappush(waiting, (event.time.timestamp(), count, time.monotonic(), event))
            while waiting and time.monotonic() - waiting[0][2] > HOLD_SECONDS:
                yield heappop(waiting)[3]
        while waiting:
            yield heappop(waiting)[3]

    def node(self, node: NodeName) -> None:
        """Read a node until it is over; a lost one is tried again."""
        said = ""
        while not self.over.is_set():
            try:
                self._read(node)
                why = f"{node} ended what followed its logs"
            except StackmendError as error:
                why = error.sentence
            except CancelledError:
                return
            if why != said and not self.over.is_set():
                self._events.put(NodeLogs(node, silent=why))
                said = why
            self.over.wait(AGAIN_SECONDS)

    def _read(self, node: NodeName) -> None:
        services = services_of(self._world.inventory.nodes[node].roles)
        before = self._world.clock.now().timestamp()
        asked = order(self._query, services, asked=before)
        offset: float | None = None
        with self._world.ssh.stream(node, script(TAIL, asked)) as read:
            for line in _lines(read):
                if "alive" not in line:
                    self._events.put(record(node, line, offset or 0.0))
                elif offset is None:
                    there, here = float(line["alive"]), self._world.clock.now().timestamp()
                    offset, uncertainty = offset_between((there, there), (before, here))
                    self._events.put(NodeLogs(node, offset=offset, uncertainty=uncertainty))


def _lines(read: Callable[[int], bytes]) -> Iterator[Mapping[str, Any]]:
    part = b""
    while block := read(CHUNK):
        *whole, part = (part + block).split(b"\n")
        yield from (json.loads(line) for line in whole)
