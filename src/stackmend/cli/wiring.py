"""The one place where the engine is put together with the world, the actions and a listener."""

from __future__ import annotations

import getpass
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from stackmend.domain.run import Run, RunState
from stackmend.engine.engine import Engine
from stackmend.engine.journal import Journal
from stackmend.errors import Exit
from stackmend.render.progress import progress
from stackmend.render.runs import show_ending

if TYPE_CHECKING:
    from stackmend.adapters.world import World
    from stackmend.domain.plan import Plan

SECOND_SIGNAL_STATUS = 130
STOPPING = b"\nending after the steps that run now; once more to end at once (the journal is safe)\n"


def actor() -> str:
    """Return who asks: the login name, and the one behind a sudo."""
    name = getpass.getuser()
    behind = os.environ.get("SUDO_USER", "")
    return f"{behind} (as {name})" if behind and behind != name else name


def open_journal(state: Path) -> Journal:
    """Return the journal of a state directory; one that kills this process where a crash test asks for it.

    Raises:
        Refused: it cannot be used.
    """
    point = os.environ.get("STACKMEND_CRASH_AT")
    if point:
        from stackmend.engine.crashing import CrashingJournal, CrashPoint  # noqa: PLC0415 - crash tests only

        return CrashingJournal(state, CrashPoint.parse(point))
    return Journal(state)


@contextmanager
def open_engine(world: World, state: Path) -> Iterator[Engine]:
    """Give an engine on a world, with progress on the screen, that a signal ends between steps."""
    from stackmend.actions.base import Performer  # noqa: PLC0415 - late: they import every client
    from stackmend.actions.registry import all_actions  # noqa: PLC0415

    journal = open_journal(state)
    try:
        with progress() as listener:
            engine = Engine(journal, Performer(world, all_actions()), listener, place=world.inventory.cloud)
            with ending_on_signals(engine):
                yield engine
    finally:
        journal.close()


def carry_out_plan(world: World, plan: Plan, state: Path, *, reason: str) -> int:
    """Carry out a plan as a new run, show how it ended, and return the exit status.

    Raises:
        Refused: an open run holds the plan's subject; nothing was done.
    """
    with open_engine(world, state) as engine:
        run = engine.start(plan, actor=actor(), reason=reason)
        run = engine.carry_out(run.id)
    show_ending(run)
    return exit_status(run)


def exit_status(run: Run) -> Exit:
    """Return 0 for a run that came to its end, 4 for one that waits for a person."""
    return Exit.DONE if run.state in {RunState.DONE, RunState.UNDONE, RunState.ABORTED} else Exit.PAUSED


@contextmanager
def ending_on_signals(engine: Engine) -> Iterator[None]:
    """Let the first Ctrl-C, hang-up or SIGTERM end the run between steps, and the second at once, as a kill would."""
    asked = False

    def handle(number: int, frame: FrameType | None) -> None:
        del number, frame
        nonlocal asked
        if asked:
            os._exit(SECOND_SIGNAL_STATUS)
        asked = True
        # Not by print: a handler may run in the middle of another write to the same stream.
        with suppress(OSError):  # the terminal may be gone, and that be why the signal came
            os.write(sys.stderr.fileno(), STOPPING)
        engine.stop()

    former = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, action in former.items():
            signal.signal(number, action)
