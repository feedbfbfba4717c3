"""A command run on this machine with our own streams, as a shell would run it."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from stackmend.errors import Code, UsageError

PASSED_ON = (signal.SIGTERM, signal.SIGHUP)
OF_THE_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
"""The terminal sends them to the command too, which decides what they mean."""


def run_here(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command, its streams ours, and return its exit status; 128 and the signal's number where one ended it.

    Signals that end us are passed on to it meanwhile, and we wait for its end.

    Raises:
        UsageError: it cannot be started.
    """
    started: list[subprocess.Popen[bytes]] = []
    with _signals(started):
        try:
            started.append(subprocess.Popen(list(words), env=dict(environment)))
        except OSError as error:
            raise UsageError(Code.USAGE, f"{words[0]} cannot be run: {error.strerror}") from error
        status = started[0].wait()
    return status if status >= 0 else 128 - status


@contextmanager
def _signals(started: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    def pass_on(number: int, frame: FrameType | None) -> None:
        del frame
        for child in started:
            child.send_signal(number)

    def leave(number: int, frame: FrameType | None) -> None:
        del number, frame

    # Handlers, not SIG_IGN: the command would inherit that.
    before = {number: signal.signal(number, pass_on) for number in PASSED_ON}
    before |= {number: signal.signal(number, leave) for number in OF_THE_TERMINAL}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
