"""Asking again while a service of the cloud is away for a moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from stackmend.adapters.clock import Clock
from stackmend.errors import Code, StackmendError

T = TypeVar("T")
SERVER_ERROR = 500


def is_passing(error: StackmendError) -> bool:
    """Return whether an error may pass by itself: the API cannot be reached, or says 5xx as its backend is away."""
    if error.code is Code.API_UNREACHABLE:
        return True
    status = error.evidence.get("status", "")
    return error.code is Code.API_ERROR and status.isdigit() and int(status) >= SERVER_ERROR


def patiently(clock: Clock, question: Callable[[], T], *, patience: float = 120.0, interval: float = 2.0) -> T:
    """Ask what changes nothing until it is answered; after ``patience`` seconds the last error passes through.

    Only errors that may pass (see ``is_passing``) are waited out; all others pass through at once.
    """
    deadline = clock.monotonic() + patience
    while True:
        try:
            return question()
        except StackmendError as error:
            if not is_passing(error) or clock.monotonic() > deadline:
                raise
        clock.pause(interval)
