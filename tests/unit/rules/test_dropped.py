"""Evacuations that nova goes on with no more, and records that a node has still to see."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from stackmend.domain.instance import Instance, Migration
from stackmend.domain.values import InstanceId, NodeName
from stackmend.rules.dropped import dropped
from stackmend.rules.leftovers import superseded

A, B = InstanceId("a"), InstanceId("b")
MOVED = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
LONG_AGO = MOVED - timedelta(days=1)


def evacuation(number: int = 1, status: str = "pre-migrating", instance: InstanceId = A) -> Migration:
    return Migration(
        number, "u", instance, "evacuation", status, NodeName("c01"), NodeName("c02"), created=MOVED, updated=MOVED
    )


def why(status: str, task: str, began: datetime | None, seconds: int) -> str:
    instance = Instance(A, "a", NodeName("c01"), "active", task_state=task)
    return dropped(evacuation(status=status), instance, began, MOVED + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("status", "task", "began", "seconds"),
    [
        ("pre-migrating", "rebuild_spawning", LONG_AGO, 900),
        ("pre-migrating", "rebuild_spawning", None, 900),
        ("pre-migrating", "rebuild_spawning", MOVED + timedelta(seconds=30), 40),
        ("pre-migrating", "rebuild_spawning", MOVED + timedelta(seconds=4), 900),
        ("accepted", "rebuilding", LONG_AGO, 110),
        ("pre-migrating", "", LONG_AGO, 50),
    ],
)
def test_nova_may_still_go_on(status: str, task: str, began: datetime | None, seconds: int) -> None:
    assert not why(status, task, began, seconds)


@pytest.mark.parametrize(
    ("status", "task", "began", "seconds", "says"),
    [
        ("pre-migrating", "rebuild_spawning", MOVED + timedelta(seconds=30), 51, "began anew"),
        ("accepted", "rebuilding", LONG_AGO, 121, "not taken it up"),
        ("pre-migrating", "", LONG_AGO, 61, "works on the instance no more"),
    ],
)
def test_nova_goes_on_no_more(status: str, task: str, began: datetime, seconds: int, says: str) -> None:
    assert says in why(status, task, began, seconds)


def test_only_an_unseen_record_with_a_newer_seen_one_needs_another_start() -> None:
    records = [evacuation(1), evacuation(2, "completed"), evacuation(3, "done"), evacuation(4, instance=B)]
    assert [m.id for m in superseded(records)] == [1]
