"""Scheduling is given back where it is still stackmend's doing, and left where somebody has decided since."""

from __future__ import annotations

import pytest

from stackmend.rules.scheduling import Scheduling, counted, mark, why_left

ENABLED = Scheduling(enabled=True)
OPERATORS = Scheduling(enabled=False, reason="broken fan")
OURS = Scheduling(enabled=False, reason=mark("r-1", "kernel"))


@pytest.mark.parametrize(
    ("former", "made", "now", "left"),
    [
        (ENABLED, OURS, OURS, ""),
        (ENABLED, OURS, ENABLED, "it is enabled, as before"),
        (ENABLED, OURS, OPERATORS, "somebody has made it disabled (broken fan) since then"),
        (OPERATORS, OPERATORS, OPERATORS, "it is disabled (broken fan), as before"),
        (OPERATORS, OPERATORS, ENABLED, "somebody has made it enabled since then"),
        (ENABLED, OURS, Scheduling(enabled=False), "somebody has made it disabled (no reason given) since then"),
    ],
)
def test_why_left(former: Scheduling, made: Scheduling, now: Scheduling, left: str) -> None:
    assert why_left(former, made, now) == left


def test_what_nova_disabled_by_itself_is_enabled_at_the_end() -> None:
    by_nova = Scheduling(enabled=False, reason="AUTO: Connection to libvirt lost: 1")
    assert counted(by_nova) == ENABLED
    assert counted(OPERATORS) == OPERATORS
    assert counted(ENABLED) == ENABLED


def test_a_mark_names_the_run_and_the_reason() -> None:
    assert mark("r-1", "kernel") == "stackmend r-1: kernel"
    assert mark("r-1", "") == "stackmend r-1"


def test_json_gives_back_the_same() -> None:
    assert Scheduling.from_json(OPERATORS.to_json()) == OPERATORS
