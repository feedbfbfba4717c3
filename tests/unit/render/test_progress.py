"""Progress on the screen: lines where there is no terminal, bars where there is one, silence where nobody reads."""

from __future__ import annotations

import io
import os
import sys
from datetime import UTC, datetime

import pytest
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from stackmend.domain.plan import Plan, Step
from stackmend.domain.run import Kind, Record
from stackmend.domain.values import RunId, StepId
from stackmend.render.progress import LiveBars, PlainLines, progress

A = StepId("move/a")
PLAN = Plan("node drain", "c01", "Drain c01", (Step(A, "instance.move", "Move [web]"),))
AT = datetime(2026, 11, 22, 16, 4, 9, tzinfo=UTC)


def record(kind: Kind, sentence: str, step: StepId = A) -> Record:
    return Record(1, AT, kind, step, sentence, {})


def test_plain_lines_have_time_step_and_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    lines = PlainLines()
    lines.opened(RunId("r-1"), PLAN, 0)
    lines.recorded(record(Kind.STEP_STARTED, "Move [web]"))
    lines.recorded(record(Kind.STEP_APPLIED, "said again by done"))
    lines.progressed(A, "memory left", 0.5)
    lines.progressed(A, "too soon for another line", 0.6)
    lines.recorded(record(Kind.STEP_DONE, "moved"))
    lines.recorded(record(Kind.RUN_DONE, "all done", StepId("")))
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(" ", 1)[1] for line in err.splitlines()] == [
        "r-1: Drain c01",
        "move/a: started: Move [web]",
        "move/a: memory left (50%)",
        "move/a: done: moved",
        "run: done: all done",
    ]
    assert err.splitlines()[-1].startswith("2026-11-22T16:04:09Z ")


def test_where_nobody_reads_the_lines_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w", buffering=1, closefd=False) as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        lines = PlainLines()
        for _ in range(3):
            lines.recorded(record(Kind.STEP_STARTED, "Move"))
        # What was buffered cannot be written either; it goes where it does no harm.
        os.dup2(os.open(os.devnull, os.O_WRONLY), write)
    os.close(write)


def test_bars_show_what_runs_and_keep_what_ended_as_a_line() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    with Progress(TextColumn("{task.description}", markup=False), BarColumn(), console=console) as bars:
        live = LiveBars(bars)
        live.opened(RunId("r-1"), PLAN, 0)
        live.recorded(record(Kind.STEP_STARTED, "Move [web]"))
        live.progressed(A, "memory left", 0.25)
        assert [(task.description, task.completed, task.total) for task in bars.tasks] == [
            ("r-1", 0, 1),
            ("Move [web]", 0.25, 1.0),
        ]
        live.recorded(record(Kind.STEP_DONE, "moved"))
        assert [(task.description, task.completed) for task in bars.tasks] == [("r-1", 1)]
    assert "Move [web]" in screen.getvalue()
    assert "moved" in screen.getvalue()


def test_where_standard_error_is_no_terminal_there_are_lines() -> None:
    with progress() as listener:
        assert isinstance(listener, PlainLines)
