"""Reading migration records and progress."""

from __future__ import annotations

import pytest

from stackmend.domain.instance import Migration
from stackmend.domain.values import InstanceId, NodeName
from stackmend.rules.migration import Convergence, Phase, phase, since


def record(number: int, status: str = "running") -> Migration:
    return Migration(
        id=number,
        uuid=f"m{number}",
        instance=InstanceId("i"),
        kind="live-migration",
        status=status,
        source=NodeName("c01"),
        target=NodeName("c02"),
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("queued", Phase.UNDERWAY),
        ("preparing", Phase.UNDERWAY),
        ("post-migrating", Phase.UNDERWAY),
        ("completed", Phase.WELL),
        ("confirmed", Phase.WELL),
        ("error", Phase.BADLY),
        ("failed", Phase.BADLY),
        ("cancelled", Phase.BADLY),
        ("a status of nova's future", Phase.UNDERWAY),
    ],
)
def test_phase(status: str, expected: Phase) -> None:
    assert phase(record(1, status)) is expected


def test_only_records_after_the_decision_count() -> None:
    records = [record(3), record(9), record(7)]
    assert since(records, 9) is None
    assert since(records, 3) == record(9)


def test_a_rest_that_shrinks_is_not_stalled() -> None:
    state = Convergence(patience=10)
    for second, rest in enumerate([100, 90, 95, 80, 80]):
        state = state.with_sample(rest, float(second * 5))
        assert not state.stalled(second * 5)


def test_a_rest_that_does_not_fall_below_its_lowest_is_stalled() -> None:
    state = Convergence(patience=10).with_sample(100, 0.0)
    for second in range(1, 11):
        state = state.with_sample(100 + second, float(second))
        assert not state.stalled(float(second))
    assert state.stalled(10.5)


def test_no_sample_is_no_verdict() -> None:
    assert not Convergence(patience=1).with_sample(None, 0.0).stalled(100.0)
