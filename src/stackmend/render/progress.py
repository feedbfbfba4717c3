"""Progress of a run: bars in a terminal, plain lines with time stamps elsewhere; what the engine's listener is."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from stackmend.domain.plan import Plan
from stackmend.domain.run import Kind, Record
from stackmend.domain.values import RunId, StepId

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PLAIN_INTERVAL = 10.0
"""Seconds between two plain lines on the progress of one step."""

SHELL = "rescue.shell"
"""The action that gives the terminal to somebody else."""

ENDINGS = frozenset(
    {
        Kind.STEP_DONE,
        Kind.STEP_SKIPPED,
        Kind.STEP_FAILED,
        Kind.STEP_WITHDRAWN,
        Kind.STEP_UNDONE,
        Kind.STEP_UNDO_FAILED,
        Kind.STEP_CHOICE,
    }
)
TO_COME = frozenset({Kind.STEP_WITHDRAWN, Kind.STEP_CHOICE})
"""Endings after which the step is still to be carried out."""
STARTS = frozenset({Kind.STEP_STARTED, Kind.STEP_UNDO_STARTED})
MARKS = {
    Kind.STEP_DONE: ("✓", "green"),
    Kind.STEP_SKIPPED: ("–", "cyan"),
    Kind.STEP_FAILED: ("✗", "bold red"),
    Kind.STEP_WITHDRAWN: ("«", "cyan"),
    Kind.STEP_UNDONE: ("↶", "green"),
    Kind.STEP_UNDO_FAILED: ("✗", "bold red"),
    Kind.STEP_CHOICE: ("»", "yellow"),
}


class Listening(Protocol):
    """What the engine tells; see ``stackmend.engine.protocols.Listener``."""

    def opened(self, run: RunId, plan: Plan, through: int) -> None:
        """Hear that a run is about to be carried out, or undone; ``through`` of its steps need nothing any more."""

    def recorded(self, record: Record) -> None:
        """Hear of a record that is in the journal."""

    def progressed(self, step: StepId, sentence: str, fraction: float | None) -> None:
        """Hear of progress within a step."""


@contextmanager
def progress() -> Iterator[Listening]:
    """Give a listener that writes to standard error, fit for what standard error is."""
    sys.stdout.flush()
    if not sys.stderr.isatty():
        yield PlainLines()
        return
    bars = _bars()
    bars.start()
    try:
        yield LiveBars(bars)
    finally:
        with suppress(OSError):  # the terminal may be gone by now
            bars.stop()


class PlainLines:
    """One line for each thing that happens: time, step, sentence."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: dict[StepId, float] = {}
        self._silent = False

    def opened(self, run: RunId, plan: Plan, through: int) -> None:
        """Write what is carried out."""
        rest = f" ({through} of its {len(plan.steps)} steps need nothing any more)" if through else ""
        self._write(f"{run}: {plan.title}{rest}")

    def recorded(self, record: Record) -> None:
        """Write what the record says; that a change is complete is left out, as its verification says it again."""
        if record.kind is not Kind.STEP_APPLIED:
            self._write(f"{record.step or 'run'}: {_word(record)}{record.sentence}", record.at)

    def progressed(self, step: StepId, sentence: str, fraction: float | None) -> None:
        """Write how far a step is, every ten seconds."""
        now = time.monotonic()
        if now - self._said.get(step, now - PLAIN_INTERVAL) >= PLAIN_INTERVAL:
            self._said[step] = now
            self._write(f"{step}: {sentence}{f' ({fraction:.0%})' if fraction is not None else ''}")

    def _write(self, line: str, at: datetime | None = None) -> None:
        with self._lock:
            if self._silent:
                return
            try:
                print(f"{at or datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}", file=sys.stderr, flush=True)
            except OSError:
                # Whoever read the lines is gone (a closed pipe, a lost terminal); the run goes on without them.
                self._silent = True


class LiveBars:
    """A bar for the run and one for each step that runs; what ended stays above them as a line."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._lock = threading.Lock()
        self._tasks: dict[StepId, TaskID] = {}
        self._titles: dict[StepId, str] = {}
        self._through = 0
        self._ended: set[StepId] = set()
        self._run: TaskID | None = None
        self._shells: frozenset[StepId] = frozenset()

    def opened(self, run: RunId, plan: Plan, through: int) -> None:
        """Show the run's bar."""
        with self._drawing():
            self._titles = {step.id: step.title for step in plan.steps}
            self._shells = frozenset(step.id for step in plan.steps if step.action == SHELL)
            self._through = through
            self._run = self._bars.add_task(str(run), total=len(plan.steps), completed=through, note="")

    def recorded(self, record: Record) -> None:
        """Show the record on its step's bar, or as a line where it ends the step."""
        with self._drawing():
            self._make_way(record)
            if record.kind in STARTS:
                self._tasks[record.step] = self._bars.add_task(record.sentence, total=None, note="")
            elif record.kind in ENDINGS:
                self._end(record)
            elif record.step in self._tasks:
                self._bars.update(self._tasks[record.step], note=record.sentence)

    def progressed(self, step: StepId, sentence: str, fraction: float | None) -> None:
        """Move the step's bar."""
        with self._drawing():
            if step in self._tasks and fraction is not None:
                self._bars.update(self._tasks[step], note=sentence, completed=fraction, total=1.0)
            elif step in self._tasks:
                self._bars.update(self._tasks[step], note=sentence)

    @contextmanager
    def _drawing(self) -> Iterator[None]:
        """One thread at a time; a terminal that is gone ends the drawing, not the run."""
        with self._lock, suppress(OSError):
            yield

    def _make_way(self, record: Record) -> None:
        """Draw nothing while a shell has the terminal."""
        if record.step in self._shells and record.kind is Kind.STEP_STARTED:
            self._bars.stop()
        elif record.step in self._shells and record.kind in ENDINGS:
            self._bars.start()

    def _end(self, record: Record) -> None:
        from rich.text import Text  # noqa: PLC0415 - late: it is slow to import

        task = self._tasks.pop(record.step, None)
        if task is not None:
            self._bars.remove_task(task)
        mark, style = MARKS[record.kind]
        title = self._titles.get(record.step, record.step)
        self._bars.console.print(Text.assemble((f"{mark} ", style), title, (f"  {record.sentence}", "dim")))
        if record.kind not in TO_COME and self._run is not None:
            self._ended.add(record.step)
            self._bars.update(self._run, completed=self._through + len(self._ended))


def _word(record: Record) -> str:
    word = record.kind.removeprefix("step-").removeprefix("run-")
    return "" if record.kind in {Kind.STEP_NOTE, Kind.STEP_INTENT} else f"{word}: "


def _bars() -> Progress:
    from rich import progress as parts  # noqa: PLC0415 - late: it is slow to import
    from rich.table import Column  # noqa: PLC0415

    from stackmend.render.console import console  # noqa: PLC0415

    return parts.Progress(
        parts.SpinnerColumn(),
        parts.TextColumn("{task.description}", markup=False, table_column=Column(ratio=3, no_wrap=True)),
        parts.BarColumn(bar_width=24),
        parts.TimeElapsedColumn(),
        parts.TextColumn("{task.fields[note]}", markup=False, style="dim", table_column=Column(ratio=4, no_wrap=True)),
        console=console(error=True),
        expand=True,
        transient=True,
    )
