"""An audit in words: sizes, ages and the line of totals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from stackmend.domain.instance_files import Audit, Entry, Item, Kind, Standing
from stackmend.domain.values import NodeName
from stackmend.render.instance_dirs import age_words, as_data, show_audit, size_words, totals

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LONG = NOW - timedelta(days=400, hours=5)
AUDIT = Audit(
    NodeName("c01"),
    "/i",
    NOW,
    (NodeName("c02"),),
    (
        Item("a", Kind.INSTANCE, Standing.ORPHANED, "nobody needs it", entry=Entry("a", "d", 1, LONG, 5000, 2048)),
        Item("b", Kind.INSTANCE, Standing.MISSING, "not there", "look for it"),
    ),
    ("c03: silent",),
)


def test_words() -> None:
    assert [size_words(n) for n in (0, 1023, 1024, 3 * 2**30, 2**70)] == [
        "0 B", "1023 B", "1.0 KiB", "3.0 GiB", "1048576.0 PiB"
    ]  # fmt: skip
    assert [age_words(NOW - timedelta(minutes=m), NOW) for m in (-5, 3, 90, 3000)] == ["0 min", "3 min", "1 h", "2 d"]
    assert totals(AUDIT) == "2 items: 1 orphaned (2.0 KiB), 1 missing (0 B)"


def test_the_table_says_hints_and_what_was_not_seen(capsys: pytest.CaptureFixture[str]) -> None:
    show_audit(AUDIT, "table")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "/i on c01, shared with c02 at 2026-11-24 00:00:00 UTC"
    assert lines[-3:] == ["hint: b: look for it", "unseen: c03: silent", totals(AUDIT)]


def test_data_keeps_numbers() -> None:
    data = as_data(AUDIT)
    assert data["totals"] == {
        "orphaned": {"items": 1, "allocated": 2048},
        "missing": {"items": 1, "allocated": 0},
    }
    assert [item["apparent"] for item in data["items"]] == [5000, None]
