"""Runs for a person: the list, one run, and how a run ended with what to type next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from stackmend.domain.plan import Step
from stackmend.domain.run import Run, RunState, StepState, StepStatus
from stackmend.domain.values import RunId
from stackmend.render.output import STYLES, show_data, show_rows

Line = tuple[str, str]

RUN_COLUMNS = ("id", "state", "subject", "runbook", "steps", "created", "ended", "actor", "reason")
STEP_COLUMNS = ("step", "state", "seconds", "title", "sentence")
ENDED = frozenset({StepState.DONE, StepState.SKIPPED, StepState.UNDONE})
"""States of steps that need nothing any more."""
MARKS: Mapping[StepState, str] = {
    StepState.PENDING: "·",
    StepState.RUNNING: "▸",
    StepState.DONE: "✓",
    StepState.SKIPPED: "–",
    StepState.FAILED: "✗",
    StepState.UNDONE: "↶",
}
MIGRATES = frozenset({"instance.move", "instance.return"})
"""Actions that can be told how to move an instance."""


def show_runs(runs: Sequence[Run], form: str) -> None:
    """Write a list of runs to standard output."""
    show_rows(RUN_COLUMNS, [run_row(run) for run in runs], form)


def show_run(run: Run, form: str) -> None:
    """Write one run to standard output: for people with what to type next, as CSV its steps."""
    if form == "csv":
        show_rows(STEP_COLUMNS, [step_row(step, run.steps[step.id]) for step in run.plan.steps], form)
    elif form == "table":
        _print([*_head_lines(run), ("", ""), *_tree_lines(run), *ending_lines(run)])
    else:
        show_data(run_data(run), form)


def show_ending(run: Run) -> None:
    """Write how a run ended, what failed and what to type next."""
    _print(list(ending_lines(run)))


def show_failures(run: Run) -> None:
    """Write what failed in a run, with hints and evidence."""
    _print(list(_all_failures(run)))


def show_left(run: RunId, left: Sequence[str]) -> None:
    """Write that a run was closed and which of its changes are left in the world."""
    lines: list[Line] = [(f"{run} is aborted", "bold")]
    lines += (
        [("Left in the world:", "bold"), *((f"  {one}", "") for one in left)] if left else [("Nothing is left.", "")]
    )
    _print(lines)


def run_row(run: Run) -> dict[str, Any]:
    """Return a run as a row of the list."""
    ended = sum(status.state in ENDED for status in run.steps.values())
    return {
        "id": run.id,
        "state": str(run.state),
        "subject": run.plan.subject,
        "runbook": run.plan.runbook,
        "steps": f"{ended}/{len(run.plan.steps)}",
        "created": stamp(run.created),
        "ended": stamp(run.ended),
        "actor": run.actor,
        "reason": run.reason,
    }


def step_row(step: Step, status: StepStatus) -> dict[str, Any]:
    """Return a step of a run as a row."""
    return {
        "step": step.id,
        "state": str(status.state),
        "seconds": seconds(status),
        "title": step.title,
        "sentence": status.sentence,
    }


def run_data(run: Run) -> dict[str, Any]:
    """Return a run as JSON-ready data."""
    steps = [
        {
            **step_row(step, run.steps[step.id]),
            "action": step.action,
            "group": list(step.group),
            "started": stamp(run.steps[step.id].started),
            "applied": stamp(run.steps[step.id].applied),
            "ended": stamp(run.steps[step.id].ended),
            "commands": list(run.steps[step.id].commands),
            "receipt": run.steps[step.id].receipt,
            "error": run.steps[step.id].error,
            "choice": run.steps[step.id].choice,
        }
        for step in run.plan.steps
    ]
    return {
        **run_row(run),
        "title": run.plan.title,
        "sentence": run.sentence,
        "pid": run.pid,
        "plan": run.plan.hash,
        "next": next_commands(run),
        "steps": steps,
    }


def ending_lines(run: Run) -> Iterator[Line]:
    """Yield how a run stands, each failed step with its hint and evidence, and what may be typed next."""
    yield "", ""
    yield f"{run.id} is {run.state}: {run.sentence}", STYLES.get(run.state, "bold")
    yield from _all_failures(run)
    if commands := next_commands(run):
        yield "", ""
        yield "Next, one of:", "bold"
        yield from ((f"  {command}", "") for command in commands)


def next_commands(run: Run) -> list[str]:
    """Return the commands that a person may type now, whole; none for a run that is closed or being carried out."""
    if not run.state.is_open or run.state is RunState.RUNNING:
        return []
    if run.state is RunState.UNDOING:
        return [f"stackmend runs undo {run.id}", f"stackmend runs abort {run.id}"]
    commands = []
    for step in run.plan.steps:
        if run.steps[step.id].state is StepState.FAILED:
            target = f"{run.id} {shlex.quote(step.id)}"
            commands.append(f"stackmend runs retry {target}")
            if step.action in MIGRATES:
                commands += [f"stackmend runs retry {target} --mode {mode}" for mode in ("force-complete", "cold")]
            commands.append(f"stackmend runs skip {target}")
    if not commands:
        commands = [f"stackmend runs resume {run.id}"]
    return [*commands, f"stackmend runs undo {run.id}", f"stackmend runs abort {run.id}"]


def stamp(when: datetime | None) -> str:
    """Return a time in UTC to the second, as ISO 8601 writes it; empty for none."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ") if when else ""


def seconds(status: StepStatus) -> float | None:
    """Return how long a step took, in seconds, from its first start to its last end; None while it has not ended."""
    if status.started is None or status.ended is None:
        return None
    return round((status.ended - status.started).total_seconds(), 1)


def _head_lines(run: Run) -> Iterator[Line]:
    yield run.plan.title, "bold"
    who = f"{run.plan.runbook} on {run.plan.subject}, by {run.actor}, {stamp(run.created)}"
    yield f"{who} · {run.reason}" if run.reason else who, "dim"


def _tree_lines(run: Run) -> Iterator[Line]:
    last: tuple[str, ...] = ()
    for step in run.plan.steps:
        if step.group and step.group != last:
            yield " / ".join(step.group), "bold cyan"
            last = step.group
        status = run.steps[step.id]
        took = seconds(status)
        time = f"{took:.1f} s" if took is not None else ""
        yield f"  {MARKS[status.state]} {time:>8}  {step.title}", STYLES.get(status.state, "")
        if status.sentence and status.sentence != step.title:
            yield f"{' ' * 14}{status.sentence}", "dim"


def _all_failures(run: Run) -> Iterator[Line]:
    for step in run.plan.steps:
        if run.steps[step.id].state is StepState.FAILED:
            yield from _failure_lines(step, run.steps[step.id])


def _failure_lines(step: Step, status: StepStatus) -> Iterator[Line]:
    error: Mapping[str, Any] = status.error or {}
    yield "", ""
    yield f"failed {error.get('code', '')} in {step.id} ({step.title}):", "bold red"
    yield f"  {error.get('sentence', status.sentence)}", ""
    if error.get("hint"):
        yield f"  hint: {error['hint']}", ""
    for name, value in dict(error.get("evidence") or {}).items():
        first, *rest = str(value).splitlines() or [""]
        yield f"  {name}: {first}", "dim"
        yield from ((f"    {line}", "dim") for line in rest)


def _print(lines: Sequence[Line]) -> None:
    from rich.text import Text  # noqa: PLC0415 - late: it is slow to import

    from stackmend.render.console import console  # noqa: PLC0415

    out = console()
    for line, style in lines:
        out.print(Text(line, style=style))
