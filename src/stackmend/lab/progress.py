"""Says what the lab is doing: a live line in a terminal, lines with time stamps elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime


class Progress:
    """Phases with their elapsed seconds.

    Args:
        write: takes one finished line; standard error where None, with a live line where that is a terminal.
    """

    def __init__(self, write: Callable[[str], None] | None = None) -> None:
        self._live = write is None and sys.stderr.isatty()
        self._write = write or _to_stderr
        self._lock = threading.Lock()
        self._start = time.monotonic()

    @contextmanager
    def phase(self, title: str) -> Iterator[None]:
        """Announce a phase, and say how long it took when it ends."""
        began = time.monotonic()
        if not self._live:
            self.say(f"{title} …")
        try:
            with _live_line(title) if self._live else nullcontext():
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


def _live_line(title: str) -> AbstractContextManager[object]:
    from stackmend.render.waiting import live_line  # noqa: PLC0415 - a drawing library that plain lines do not need

    return live_line(title)


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
