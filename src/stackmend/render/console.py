"""Terminals: the two streams as rich sees them. Where they are no terminal, text is neither coloured nor cut."""

from __future__ import annotations

import sys

from rich.console import Console

WIDE = 10_000
"""Columns where nobody looks: a line in a file or a pipe is one line."""


def console(*, error: bool = False) -> Console:
    """Return a console on standard output, or on standard error."""
    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() else WIDE
    return Console(file=stream, width=width, highlight=False, emoji=False, markup=False, soft_wrap=not stream.isatty())
