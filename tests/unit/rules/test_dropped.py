"""Whether nova still goes on with an evacuation whose record is open."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stackmend.domain.instance import Instance, Migration
from stackmend.domain.values import InstanceId, NodeName
from stackmend.rules.dropped import CATCH_UP, ENDING, LOST, began_since, dropped
from stackmend.rules.leftovers import superseded
from stackmend.rules.sight import SKEW

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
A = InstanceId("a")
RECORD = Migration(7, "u", A, "evacuation", "pre-migrating", NodeName("c01"), NodeName("c02"), updated=NOON)
REBUILDING = Instance(A, "a", NodeName("c01"), "active", task_state="rebuilding")
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("status", "task", "began", "after", "words"),
    [
        ("pre-migrating", "rebuilding", None, LOST + ENDING, ""),
        ("pre-migrating", "rebuilding", SKEW, CATCH_UP + LOST, ""),
        ("pre-migrating", "rebuilding", SKEW + SECOND, CATCH_UP, ""),
        ("pre-migrating", "rebuilding", SKEW + SECOND, SKEW + SECOND + CATCH_UP, "began anew in the middle of it"),
        ("accepted", "rebuilding", None, LOST, ""),
        ("accepted", "rebuilding", None, LOST + SECOND, "has not taken it up in 120 s"),
        ("pre-migrating", "", None, ENDING, ""),
        ("pre-migrating", "", None, ENDING + SECOND, "works on the instance no more"),
    ],
)
def test_what_nova_may_still_work_on_is_not_dropped(
    status: str, task: str, began: timedelta | None, after: timedelta, words: str
) -> None:
    record, instance = replace(RECORD, status=status), replace(REBUILDING, task_state=task)
    why = dropped(record, instance, NOON + began if began is not None else None, NOON + after)
    assert (words in why) if words else why == ""


def test_a_record_without_a_time_says_nothing() -> None:
    record = replace(RECORD, updated=None, created=None)
    assert dropped(record, REBUILDING, NOON, NOON + LOST + LOST) == ""
    assert not began_since(record, NOON)


def test_only_an_older_record_of_the_same_instance_is_superseded() -> None:
    old, other = replace(RECORD, status="done"), replace(RECORD, id=8, instance=InstanceId("b"), status="done")
    newer = replace(RECORD, id=9, status="completed")
    assert superseded([newer, old, other]) == (old,)
    assert superseded([replace(newer, status="done"), old]) == ()
    assert superseded([replace(newer, id=3), old]) == ()
