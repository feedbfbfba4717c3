"""A live line for work whose length nobody knows: what is done, and for how long."""

from __future__ import annotations

from contextlib import AbstractContextManager

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from stackmend.render.console import console


def live_line(title: str) -> AbstractContextManager[object]:
    """Return what shows a line with a clock on standard error for as long as it is entered; it leaves no trace.

    Args:
        title: what is being done.
    """
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    line = Progress(*columns, console=console(error=True), transient=True)
    line.add_task(title, total=None)
    return line
