"""Figures, stretches and the axis of a run's report, from records of known times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stackmend.domain.plan import Plan, Step
from stackmend.domain.run import Kind, Record, Run, RunState, StepState, StepStatus
from stackmend.domain.values import RunId, StepId
from stackmend.render.html import page
from stackmend.render.report import Figure, Probes, build
from stackmend.render.timeline import Axis, Phase, Stretch, duration, stretches

BEGIN = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
A, B = StepId("move/a"), StepId("verify")
NASTY = '<script>alert("x")</script>'
PLAN = Plan(
    "node drain",
    "c01",
    f"Drain {NASTY}",
    (
        Step(A, "instance.move", f"Move {NASTY}", group=("Drain c01", "Move all"), commands=(f"move {NASTY}",)),
        Step(B, "node.verify", "Verify c01", group=("Verify c01",), needs=(A,)),
    ),
    notes=(f"left {NASTY}",),
)
FINDINGS = [
    {"code": "amqp", "level": "ok", "sentence": "connected", "subject": "c01", "hint": ""},
    {"code": "clock", "level": "warning", "sentence": f"late {NASTY}", "subject": "c01", "hint": "look"},
]


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def records(*rows: tuple[float, Kind, StepId, Mapping[str, Any]]) -> list[Record]:
    return [Record(n, at(s), kind, step, f"{kind} {NASTY}", data) for n, (s, kind, step, data) in enumerate(rows, 1)]


RUN = StepId("")
JOURNAL = records(
    (0, Kind.RUN_STARTED, RUN, {}),
    (0, Kind.RUN_RESUMED, RUN, {}),
    (0, Kind.STEP_STARTED, A, {}),
    (1, Kind.STEP_INTENT, A, {}),
    (5, Kind.STEP_FAILED, A, {"error": {"code": "no-room", "hint": NASTY, "evidence": {"stderr": NASTY}}}),
    (5, Kind.RUN_PAUSED, RUN, {}),
    (3600, Kind.STEP_CHOICE, A, {}),
    (3600, Kind.RUN_RESUMED, RUN, {}),
    (3600, Kind.STEP_STARTED, A, {}),
    (3601, Kind.STEP_INTENT, A, {}),
    (3604, Kind.STEP_APPLIED, A, {}),
    (3606, Kind.STEP_DONE, A, {}),
    (3606, Kind.STEP_STARTED, B, {}),
    (3606, Kind.STEP_INTENT, B, {}),
    (3608, Kind.STEP_NOTE, B, {}),
    (3660, Kind.RUN_RESUMED, RUN, {}),
    (3660, Kind.STEP_STARTED, B, {}),
    (3663, Kind.STEP_APPLIED, B, {}),
    (3664, Kind.STEP_DONE, B, {}),
    (3664, Kind.RUN_DONE, RUN, {}),
)


def run(state: RunState = RunState.DONE) -> Run:
    moved: dict[str, Any] = {"instance": "i-1", "name": NASTY, "probes": {"sent": 100, "lost": 2, "longest_gap_s": 0.4}}
    steps = {
        A: StepStatus(StepState.DONE, "moved", {}, moved, ("openstack server migrate",), started=at(0), ended=at(3606)),
        B: StepStatus(StepState.DONE, "works", {}, {"findings": FINDINGS}, started=at(3606), ended=at(3664)),
    }
    return Run(RunId("r-1"), PLAN, state, steps, BEGIN, at(3664), f"done {NASTY}", actor="yuki", reason=NASTY)


def test_stretches_tell_each_attempt_and_how_it_ended() -> None:
    found = [
        (s.step, s.phase, (s.begin - BEGIN).seconds, (s.end - BEGIN).seconds, s.ending) for s in stretches(JOURNAL)
    ]
    assert found == [
        (A, Phase.DECIDE, 0, 1, ""),
        (A, Phase.APPLY, 1, 5, "failed"),
        (A, Phase.DECIDE, 3600, 3601, ""),
        (A, Phase.APPLY, 3601, 3604, ""),
        (A, Phase.VERIFY, 3604, 3606, ""),
        (B, Phase.APPLY, 3606, 3608, "killed"),
        (B, Phase.APPLY, 3660, 3663, ""),
        (B, Phase.VERIFY, 3663, 3664, ""),
    ]


def test_figures_count_work_and_not_the_hour_that_the_run_was_paused() -> None:
    figures = {figure.label: figure for figure in build(run(), JOURNAL, {"db": {"sent": 50, "lost": 1}}).figures}
    assert figures["Steps done"] == Figure("Steps done", "2 of 2", "", "ok")
    assert figures["Wall time"] == Figure("Wall time", "1 h 1 min", "17 s if one step after another")
    assert figures["Moves"] == Figure("Moves", "1", "1 instance; slowest 11 s")
    assert figures["Probes lost"].value == "3"
    assert figures["Probes lost"].note == "of 150 sent to 2 instances; longest gap 0.4 s"
    assert figures["Checks well"] == Figure("Checks well", "1 of 2", "", "warning")
    assert figures["Tried again"].value == "1"
    assert figures["Killed"].value == "1"


def test_probes_come_from_receipts_and_from_the_caller() -> None:
    given = {"db": {"sent": 50, "lost": 1}, NASTY: {"sent": 9, "lost": 1, "longest_gap_s": 1}}
    found = build(run(), JOURNAL, given).probes
    assert found == (Probes(NASTY, 109, 3, 1.0), Probes("db", 50, 1, None))


def test_the_page_escapes_everything_and_needs_no_network() -> None:
    text = page(build(run(), JOURNAL))
    assert NASTY not in text
    assert "<script" not in text
    assert "http" not in text
    assert "url(" not in text
    assert text.count("<svg") == 1
    assert text.count("<details") == text.count("</details>") == 5


def test_a_run_that_has_not_begun_is_a_page_too() -> None:
    bare = Run(RunId("r-1"), PLAN, RunState.RUNNING, {A: StepStatus(), B: StepStatus()}, BEGIN, None, "")
    assert "0 of 2" in page(build(bare, records((0, Kind.RUN_STARTED, RUN, {}))))


def test_the_axis_cuts_idle_hours_short_and_keeps_order_and_scale() -> None:
    parts = stretches(JOURNAL)
    axis = Axis(parts, 100.0, 700.0)
    assert [piece.idle for piece in axis.pieces] == [False, True, False, True, False]
    places = [axis.place(at(s)) for s in (0, 5, 3600, 3608, 3660, 3664)]
    assert places == sorted(places)
    assert (places[0], round(places[-1], 6)) == (100.0, 700.0)
    assert places[2] - places[1] == pytest.approx(Axis.BREAK)
    assert (places[1] - places[0]) / 5 == pytest.approx((places[3] - places[2]) / 8)
    assert all(100.0 <= place <= 700.0 for place, _ in axis.ticks())


def test_the_axis_of_an_instant() -> None:
    only = Stretch(A, Phase.DECIDE, BEGIN, BEGIN)
    axis = Axis([only], 0.0, 10.0)
    assert axis.place(BEGIN) == 0.0
    assert axis.ticks()[0] == (0.0, "0 s")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (0.44, "0.4 s"), (9.96, "10.0 s"), (59.6, "1 min"), (61, "1 min 1 s"), (3660, "1 h 1 min")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words
