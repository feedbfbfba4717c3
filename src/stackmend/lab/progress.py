"""Says what the lab is doing: a line with a time stamp at the beginning and the end of each phase."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


class Progress:
    """Phases with their elapsed seconds, as plain lines.

    Args:
        write: takes one finished line; standard error where None.
    """

    def __init__(self, write: Callable[[str], None] | None = None) -> None:
        self._write = write or _to_stderr
        self._lock = threading.Lock()
        self._start = time.monotonic()

    @contextmanager
    def phase(self, title: str) -> Iterator[None]:
        """Announce a phase, and say how long it took when it ends."""
        began = time.monotonic()
        self.say(f"{title} …")
        try:
            yield
        except BaseException:
            self.say(f"{title}: broken off after {time.monotonic() - began:.1f} s")
            raise
        self.say(f"{title}: {time.monotonic() - began:.1f} s")

    def say(self, sentence: str) -> None:
        """Write one line."""
        stamp = datetime.now(UTC).strftime("%H:%M:%S")
        with self._lock:
            self._write(f"{stamp} [{time.monotonic() - self._start:5.0f} s] {sentence}")


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
