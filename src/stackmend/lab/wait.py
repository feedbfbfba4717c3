"""The one way the lab waits: on a question about the world, asked again until it is answered well or time is up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from stackmend.errors import Code, Failed

T = TypeVar("T")


def until(
    question: Callable[[], T | None],
    what: str | Callable[[], str],
    *,
    seconds: float,
    interval: float = 0.3,
    code: Code = Code.LAB_START_FAILED,
) -> T:
    """Ask until the answer is neither None nor false, and return it.

    Args:
        question: looks at the world; must not change it.
        what: what is waited for, to end the sentence "still waiting for …"; a callable is asked when time is up.
        seconds: the deadline.
        interval: seconds between two questions.
        code: code of the error.

    Raises:
        Failed: the deadline passed.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            missing = what if isinstance(what, str) else what()
            raise Failed(code, f"After {seconds:.0f} s still waiting for {missing}")
        time.sleep(interval)
