"""An overview that is drawn anew in place; one after another where the output is no terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.live import Live

from stackmend.domain.overview import Overview
from stackmend.render.console import console
from stackmend.render.status import as_renderable


def show_each(overviews: Iterable[Overview]) -> None:
    """Draw overviews as they come, until there is none left."""
    screen = console()
    if not screen.is_terminal:
        for overview in overviews:
            screen.print(as_renderable(overview))
        return
    with Live(console=screen, auto_refresh=False, vertical_overflow="visible") as live:
        for overview in overviews:
            live.update(as_renderable(overview), refresh=True)
