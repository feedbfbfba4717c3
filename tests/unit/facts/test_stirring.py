"""What counts as a file that is written to."""

from __future__ import annotations

from stackmend.facts.stirring import parse

FIRST = "a/console.log 10 100.5\na/disk 20 90.0\n"


def test_a_file_that_goes_on_changing_is_written_to() -> None:
    looks = FIRST + "a/console.log 11 101.5\na/disk 20 90.0\n" + "a/console.log 12 102.5\na/disk 20 90.0\n"
    assert parse(looks) == ["a/console.log"]


def test_one_change_may_be_an_old_one() -> None:
    assert parse(FIRST + "a/console.log 11 101.5\na/disk 20 90.0\n") == []
    assert parse(FIRST) == []


def test_a_file_that_went_away_is_no_life() -> None:
    assert parse(FIRST + "a/disk 20 90.0\n") == []
