"""What a person reads: a plan as a tree, how a run ended and what to type next, errors, rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from stackmend.domain.plan import Plan, Step
from stackmend.domain.run import Run, RunState, StepState, StepStatus
from stackmend.domain.values import RunId, StepId
from stackmend.errors import Code, Failed, Refused, UsageError
from stackmend.render.errors import error_lines, show_error
from stackmend.render.output import show_rows
from stackmend.render.plan import plan_lines, show_plan
from stackmend.render.runs import ending_lines, next_commands, show_run, show_runs

A, B = StepId("move/a b"), StepId("check")
PLAN = Plan(
    "node drain",
    "c01",
    "Drain c01",
    (
        Step(A, "instance.move", "Move web [bold] to c02", group=("Drain c01", "Move"), commands=("openstack x",)),
        Step(B, "node.check", "See that it is empty", group=("Drain c01",), needs=(A,)),
    ),
    lanes={"migrations": 2},
    notes=("db stays: it is locked",),
)
ERROR = {"code": "no-room", "sentence": "c02 is full", "hint": "make room", "evidence": {"free": "0", "log": "x\ny"}}
CREATED = datetime(2026, 11, 22, 16, 4, tzinfo=UTC)


def run(state: RunState, first: StepState = StepState.PENDING, error: dict[str, Any] | None = None) -> Run:
    steps = {A: StepStatus(first, "said", error=error, started=CREATED, ended=CREATED), B: StepStatus()}
    return Run(RunId("r-1"), PLAN, state, steps, CREATED, None, "why", actor="yuki")


def test_a_plan_is_a_tree_of_sentences_with_commands() -> None:
    assert [line for line, _ in plan_lines(PLAN)] == [
        "Drain c01",
        f"node drain on c01 · 2 steps · plan {PLAN.hash}",
        "",
        "Drain c01",
        "  Move",
        "    1. Move web [bold] to c02",
        "       $ openstack x",
        "  2. See that it is empty",
        "",
        "At once: migrations: at most 2",
        "",
        "Left alone:",
        "  db stays: it is locked",
    ]


def test_a_plan_is_shown_as_it_is_written_and_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    show_plan(PLAN, "text")
    assert "    1. Move web [bold] to c02\n" in capsys.readouterr().out
    show_plan(PLAN, "json")
    assert Plan.from_json(json.loads(capsys.readouterr().out)) == PLAN
    show_plan(PLAN, "yaml")
    assert Plan.from_json(yaml.safe_load(capsys.readouterr().out)) == PLAN


def test_a_pause_names_the_failure_and_the_commands_to_type() -> None:
    lines = [line for line, _ in ending_lines(run(RunState.PAUSED, StepState.FAILED, ERROR))]
    assert lines == [
        "",
        "r-1 is paused: why",
        "",
        "failed no-room in move/a b (Move web [bold] to c02):",
        "  c02 is full",
        "  hint: make room",
        "  free: 0",
        "  log: x",
        "    y",
        "",
        "Next, one of:",
        "  stackmend runs retry r-1 'move/a b'",
        "  stackmend runs retry r-1 'move/a b' --mode force-complete",
        "  stackmend runs retry r-1 'move/a b' --mode cold",
        "  stackmend runs skip r-1 'move/a b'",
        "  stackmend runs undo r-1",
        "  stackmend runs abort r-1",
    ]


@pytest.mark.parametrize(
    ("state", "commands"),
    [
        (RunState.DONE, []),
        (RunState.UNDONE, []),
        (RunState.RUNNING, []),
        (RunState.INTERRUPTED, ["resume", "undo", "abort"]),
        (RunState.UNDOING, ["undo", "abort"]),
    ],
)
def test_next_commands(state: RunState, commands: list[str]) -> None:
    assert next_commands(run(state)) == [f"stackmend runs {command} r-1" for command in commands]


def test_runs_as_rows(capsys: pytest.CaptureFixture[str]) -> None:
    show_runs([run(RunState.PAUSED, StepState.DONE)], "csv")
    assert capsys.readouterr().out.splitlines() == [
        "id,state,subject,runbook,steps,created,ended,actor,reason",
        "r-1,paused,c01,node drain,1/2,2026-11-22T16:04:00Z,,yuki,",
    ]
    show_run(run(RunState.PAUSED, StepState.FAILED, ERROR), "json")
    shown = json.loads(capsys.readouterr().out)
    assert shown["steps"][0]["error"] == ERROR
    assert shown["next"][0] == "stackmend runs retry r-1 'move/a b'"


def test_rows_keep_types_in_data_and_are_words_in_tables(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": "[red]x", "up": True, "ports": ("a", "b"), "gap": None}]
    columns = ("name", "up", "ports", "gap")
    show_rows(columns, rows, "json")
    assert json.loads(capsys.readouterr().out) == [{"name": "[red]x", "up": True, "ports": ["a", "b"], "gap": None}]
    show_rows(columns, rows, "csv")
    assert capsys.readouterr().out.splitlines()[1] == '[red]x,yes,"a, b",'
    show_rows(columns, rows, "table")
    assert capsys.readouterr().out.splitlines()[-1].split() == ["[red]x", "yes", "a,", "b"]
    show_rows(columns, [], "table")
    assert capsys.readouterr().out == "none\n"


def test_error_lines_begin_with_what_it_is_and_its_code() -> None:
    refused = Refused(Code.NODE_BUSY, "run r-1 is paused", hint="resume it", evidence={"run": "r-1"})
    assert error_lines(refused) == [
        "refused node-busy: run r-1 is paused",
        "  hint: resume it",
        "  run: r-1",
    ]
    assert error_lines(Failed(Code.API_ERROR, "no")) == ["failed api-error: no"]
    assert error_lines(UsageError(Code.USAGE, "no")) == ["usage: no"]


def test_errors_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    show_error(Refused(Code.NODE_BUSY, "no", evidence={"run": "r-1"}), as_json=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err)["error"]["code"] == "node-busy"
