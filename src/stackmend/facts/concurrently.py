"""Asking many things side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

THREADS = 16


def each(question: Callable[[Asked], Answer], about: Iterable[Asked]) -> dict[Asked, Answer]:
    """Return the answers to a question about each of many things, ``THREADS`` at once; an error passes through."""
    things = list(about)
    if not things:
        return {}
    with ThreadPoolExecutor(min(THREADS, len(things))) as pool:
        return dict(zip(things, pool.map(question, things), strict=True))
