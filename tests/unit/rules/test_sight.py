"""Whether a directory that another node sees is the dead node's own: an old copy never passes for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from stackmend.domain.instance import Instance, Migration
from stackmend.domain.recovery import Sight, Stranded
from stackmend.domain.values import InstanceId, NodeName
from stackmend.rules.sight import ROLLBACK, proved, settled

A = InstanceId("a")
C02, C03 = NodeName("c02"), NodeName("c03")
ARRIVED = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
DIED = ARRIVED + timedelta(days=10)


def stranded(since: datetime | None = ARRIVED) -> Stranded:
    return Stranded(Instance(A, "a", C03, "active"), settled=since)


def sight(changed: datetime | None, registered: datetime | None = None) -> Sight:
    return Sight(C02, registered, {} if changed is None else {A: changed})


@pytest.mark.parametrize(("seconds", "shown"), [(-3600, False), (0, False), (4, False), (6, True), (3600, True)])
def test_only_what_changed_after_the_arrival_is_the_nodes_own(seconds: int, *, shown: bool) -> None:
    seen = sight(ARRIVED + timedelta(seconds=seconds))
    assert (A in proved(seen, [stranded()], DIED)) is shown


def test_where_nova_does_not_say_when_it_came_nothing_is_shown() -> None:
    assert proved(sight(DIED), [stranded(since=None)], DIED) == frozenset()


@pytest.mark.parametrize(("hours", "shown"), [(1, True), (23, True), (25, False)])
def test_the_dead_nodes_own_entry_shows_it_while_it_is_fresh(hours: int, *, shown: bool) -> None:
    seen = sight(ARRIVED - timedelta(days=1), registered=DIED - timedelta(hours=hours))
    assert (A in proved(seen, [stranded()], DIED)) is shown


def test_an_entry_shows_nothing_of_an_instance_that_has_no_directory_there() -> None:
    assert proved(sight(None, registered=DIED), [stranded()], DIED) == frozenset()


def record(status: str, updated: datetime | None) -> Migration:
    return Migration(1, "u", A, "live-migration", status, C03, C02, created=ARRIVED, updated=updated)


def test_a_failed_move_may_have_left_files_so_only_what_is_newer_counts() -> None:
    instance = Instance(A, "a", C03, "active", launched=ARRIVED)
    later = ARRIVED + timedelta(days=1)
    assert settled(instance, []) == ARRIVED
    assert settled(instance, [record("completed", later)]) == later
    since = settled(instance, [record("error", later)])
    assert since == later + ROLLBACK
    left_behind = sight(later + timedelta(seconds=30))
    assert proved(left_behind, [stranded(since)], None) == frozenset()


@pytest.mark.parametrize("status", ["running", "preparing", "accepted", "post-migrating"])
def test_a_move_under_way_shows_nothing(status: str) -> None:
    instance = Instance(A, "a", C03, "active", launched=ARRIVED)
    assert settled(instance, [record(status, DIED)]) is None
    assert settled(Instance(A, "a", C03, "active"), []) is None
