"""What holds for every test: which kind it is by its folder, how long it may take, and in which order the kinds run."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
SECONDS = {"unit": 10, "cases": 10, "contract": 60, "crash": 120, "lab": 900}
"""Folders in the order in which they run (the quick ones first), and what one test of each may take."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let ``make crash`` and ``make long`` ask for what ``make test`` leaves out."""
    parser.addoption("--every-record", action="store_true", help="make a run for each journal record, killed there")
    parser.addoption("--long", action="store_true", help="look at every variation, too")


def kind_of(item: pytest.Item) -> str:
    """Return the folder under tests/ that an item lives in."""
    kind = item.path.relative_to(HERE).parts[0]
    if kind not in SECONDS:
        raise pytest.UsageError(f"{item.path} is in none of tests/{{{','.join(SECONDS)}}}")
    return kind


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark, limit, order and choose the items; a lab test's limit leaves its fixtures out, which may build a cloud."""
    for item in items:
        kind = kind_of(item)
        if kind in {"lab", "crash"}:
            item.add_marker(kind)
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(SECONDS[kind], func_only=kind == "lab"))
    order = list(SECONDS)
    items.sort(key=lambda item: order.index(kind_of(item)))
    for option, marker in (("--every-record", "every_record"), ("--long", "long")):
        if not config.getoption(option):
            left_out = [item for item in items if item.get_closest_marker(marker)]
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if item not in left_out]
