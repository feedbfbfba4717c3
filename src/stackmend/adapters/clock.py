"""Now, and waiting for something to come true."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

T = TypeVar("T")


class Clock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """Return the time, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds of a clock that never goes back."""
        return time.monotonic()

    def pause(self, seconds: float) -> None:
        """Let time pass between two questions; never a substitute for asking."""
        time.sleep(seconds)

    def wait_for(self, question: Callable[[], T | None], *, timeout: float, interval: float = 0.5) -> T | None:
        """Ask until the answer is not None; None where ``timeout`` seconds have passed.

        Args:
            question: asked at once, then every ``interval`` seconds; its errors pass through.
            timeout: seconds; the question is asked at least once, and once more at the end.
            interval: seconds between two questions.
        """
        deadline = self.monotonic() + timeout
        while True:
            answer = question()
            if answer is not None:
                return answer
            left = deadline - self.monotonic()
            if left <= 0:
                return None
            self.pause(min(interval, left))
