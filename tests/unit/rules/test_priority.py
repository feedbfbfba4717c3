"""Which instances come first."""

from __future__ import annotations

import pytest

from stackmend.rules.priority import priority


@pytest.mark.parametrize(
    ("metadata", "tags", "expected"),
    [
        ({}, [], 0),
        ({"stackmend:priority": "7"}, [], 7),
        ({"stackmend:priority": " -2 "}, ["priority=9"], -2),
        ({"stackmend:priority": "1.5"}, [], 0),
        ({"stackmend:priority": "urgent"}, ["priority=3"], 3),
        ({}, ["priority=3", "priority=10", "priority=x", "web"], 10),
    ],
)
def test_priority(metadata: dict[str, str], tags: list[str], expected: int) -> None:
    assert priority(metadata, tags) == expected
