"""What a clean of a directory of instances takes, and what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stackmend.domain.instance_files import Audit, Entry, Item, Kind, Standing
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Refused
from stackmend.rules.instance_cleaning import chosen, ended

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def audit(*items: tuple[str, Kind, Standing]) -> Audit:
    found = (Item(name, kind, standing, "so it is", entry=Entry(name, "d", 7, NOW)) for name, kind, standing in items)
    return Audit(NodeName("c01"), "/i", NOW, (), (*found, Item("gone", Kind.INSTANCE, Standing.MISSING, "not there")))


WORLD = audit(
    ("a", Kind.INSTANCE, Standing.ORPHANED),
    ("_base/b", Kind.BASE, Standing.ORPHANED),
    ("c", Kind.INSTANCE, Standing.RECOVERABLE),
    ("d", Kind.INSTANCE, Standing.AT_RISK),
    (".stackmend-trash/r-1", Kind.TRASH, Standing.ORPHANED),
    (".stackmend-trash/r-2", Kind.TRASH, Standing.RECOVERABLE),
    ("_base/odd\N{REPLACEMENT CHARACTER}", Kind.BASE, Standing.ORPHANED),
)


def test_all_that_is_orphaned_goes_and_what_is_recoverable_only_by_name() -> None:
    assert [item.name for item in chosen(WORLD, ())] == ["a", "_base/b"]
    assert [item.name for item in chosen(WORLD, ("c", "a", "c"))] == ["c", "a"]


@pytest.mark.parametrize("name", ["d", "gone", ".stackmend-trash/r-2", "_base/odd\N{REPLACEMENT CHARACTER}"])
def test_what_is_needed_or_cannot_be_named_stays(name: str) -> None:
    with pytest.raises(Refused) as refused:
        chosen(WORLD, ("a", name))
    assert refused.value.code is Code.FILES_NEEDED


def test_an_unknown_name_and_an_empty_choice_are_refused() -> None:
    with pytest.raises(Refused) as refused:
        chosen(WORLD, ("../../etc",))
    assert refused.value.code is Code.FILES_UNKNOWN
    with pytest.raises(Refused) as refused:
        chosen(audit(("d", Kind.INSTANCE, Standing.AT_RISK)), ())
    assert refused.value.code is Code.NOTHING_TO_CLEAN


def test_only_what_is_past_its_end_date_leaves_the_trash() -> None:
    assert [item.name for item in ended(WORLD)] == [".stackmend-trash/r-1"]
    with pytest.raises(Refused) as refused:
        ended(audit((".stackmend-trash/r-2", Kind.TRASH, Standing.RECOVERABLE)))
    assert refused.value.code is Code.NOTHING_TO_CLEAN
