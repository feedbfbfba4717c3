"""``stackmend status``: the whole cloud at a glance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stackmend.cli.context import CloudChoice, cloud_options, open_world, rows_option
from stackmend.cli.open_runs import open_runs

if TYPE_CHECKING:
    from stackmend.adapters.world import World
    from stackmend.domain.overview import Overview

READ_SECONDS = 10.0
"""How long an API may take before another way is tried."""
WATCH_SECONDS = 5.0


@click.command()
@click.option(
    "--watch",
    type=click.FloatRange(min=1),
    is_flag=False,
    flag_value=WATCH_SECONDS,
    metavar="[SECONDS]",
    help=f"Look again every so many seconds ({WATCH_SECONDS:g}) until Ctrl-C; as a table.",
)
@rows_option
@cloud_options
def status(watch: float | None, form: str, **asked: Any) -> None:
    """Show the cloud at a glance: nodes, services, instances, units that stackmend holds, open runs.

    It works with nova-api or RabbitMQ down: what one way does not show is looked for by another, and what could not be
    seen is said.
    """
    choice = CloudChoice.of(asked)
    with open_world(choice, read_seconds=READ_SECONDS) as world:
        if watch is None:
            from stackmend.render.status import show_status  # noqa: PLC0415 - late: rich is slow to import

            show_status(_look(world, choice.state), form)
        else:
            from stackmend.render.watching import show_each  # noqa: PLC0415

            show_each(_looks(world, choice.state, watch))


def _look(world: World, state: Path) -> Overview:
    from stackmend.facts.overview import gather  # noqa: PLC0415 - late: it imports every client
    from stackmend.rules.overview import judge  # noqa: PLC0415

    facts = gather(world)
    return judge(world.inventory.cloud, world.clock.now(), facts, open_runs(state))


def _looks(world: World, state: Path, seconds: float) -> Iterator[Overview]:
    while True:
        yield _look(world, state)
        world.clock.pause(seconds)
