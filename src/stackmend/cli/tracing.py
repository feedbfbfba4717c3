"""What ``stackmend trace`` does: listen, run, read, tell."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from stackmend.adapters.child import run_here
from stackmend.adapters.world import World
from stackmend.cli.context import CloudChoice, open_world
from stackmend.domain.log_record import LogQuery, LogRecord
from stackmend.domain.trace import Ended, Trace
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Exit, UsageError
from stackmend.facts.logs_following import follow
from stackmend.facts.trace import Asking, Gathered, gather
from stackmend.facts.trace_listening import Told, listening
from stackmend.render.trace import show_live, show_live_remark, show_trace
from stackmend.rules.logs_merge import remarks
from stackmend.rules.trace_conclusion import conclusion
from stackmend.rules.trace_hops import hops
from stackmend.rules.trace_remarks import beside, shown, unlearnt

STANDARD_OUTPUT = Path("-")
CONNECTED_SECONDS = 10.0
"""For which the command waits for the nodes that are to be followed."""
OVER_SECONDS = 5.0


@dataclass(frozen=True)
class Asked:
    """The options of the command, by their names."""

    command: tuple[str, ...]
    wait: float
    follow: bool
    output: Path | None
    strict: bool
    by_address: bool
    addresses: tuple[str, ...]
    limit: int
    timeout: float
    form: str

    def asking(self, nodes: tuple[NodeName, ...]) -> Asking:
        """Return how the logs of nodes are asked."""
        return Asking(nodes, self.wait, self.limit, self.timeout, self.addresses, self.by_address)


def trace_command(choice: CloudChoice, asked: Asked) -> int:
    """Run the command, tell what it met, and return its exit status.

    Raises:
        UsageError: the command cannot be run, or the answer not be written.
        Refused: of the inventory; the command was not run.
    """
    if "" in asked.addresses:
        raise UsageError(Code.USAGE, "an empty address is looked for, which is everywhere")
    with _output(asked.output):
        pass  # better before the command than after it
    with open_world(choice) as world, listening() as listener:
        nodes = tuple(world.inventory.nodes)
        with _followed(world, listener.request, nodes if asked.follow else ()):
            began = world.clock.now()
            status = run_here(asked.command, listener.environment(os.environ))
            command = Ended(shown(asked.command), status, began, world.clock.now())
            told = listener.told()
            gathered = gather(world, command, told, listener.request, asked.asking(nodes))
    answer = _answer(command, listener.request, told, gathered)
    with _output(asked.output) as stream:
        show_trace(answer, asked.form, stream)
    return status or (Exit.FAILED if asked.strict and answer.conclusion.wrong else Exit.DONE)


def _answer(command: Ended, request: str, told: Told, gathered: Gathered) -> Trace:
    met = hops(gathered.records)
    said = [
        *unlearnt(gathered.way, gathered.calls, gathered.addresses, told.programs),
        *beside(gathered.others),
        *remarks(gathered.reads),
    ]
    if gathered.going_on:
        said.append("Records were still being written when the time to wait was over: work goes on, see --wait.")
    silent = [str(read.node) for read in gathered.reads if read.silent]
    found = conclusion(command, gathered.calls, gathered.records, met, silent)
    return Trace(command, gathered.way, request, gathered.calls, met, found, tuple(said))


@contextmanager
def _output(path: Path | None) -> Iterator[TextIO]:
    if path is None or path == STANDARD_OUTPUT:
        yield sys.stderr if path is None else sys.stdout
        return
    try:
        stream = path.open("w")
    except OSError as error:
        raise UsageError(Code.USAGE, f"{path} cannot be written: {error.strerror}") from error
    with stream:
        yield stream


@contextmanager
def _followed(world: World, request: str, nodes: Sequence[NodeName]) -> Iterator[None]:
    """Show the records of a request as they are written, meanwhile; begin once the nodes are being read."""
    if not nodes:
        yield
        return
    over, ready = threading.Event(), threading.Event()

    def show() -> None:
        waited = set(nodes)
        for event in follow(world, LogQuery(requests=(request,)), nodes, over):
            if isinstance(event, LogRecord):
                show_live(event)
                continue
            waited.discard(event.node)
            if event.silent:
                show_live_remark(f"{event.node} is not followed: {event.silent}")
            if not waited:
                ready.set()

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    ready.wait(CONNECTED_SECONDS)
    try:
        yield
    finally:
        over.set()
        thread.join(OVER_SECONDS)
