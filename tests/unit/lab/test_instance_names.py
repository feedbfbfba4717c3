"""Names of the lab's instances."""

from __future__ import annotations

from stackmend.lab.instances import free_names


def test_the_first_free_names_are_taken() -> None:
    assert free_names(["demo-02", "other", "demo-1x"], 3) == ["demo-01", "demo-03", "demo-04"]


def test_names_grow_beyond_two_digits() -> None:
    assert free_names([f"demo-{n:02d}" for n in range(1, 100)], 1) == ["demo-100"]
