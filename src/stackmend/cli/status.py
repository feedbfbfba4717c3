"""``stackmend status``: the whole cloud at a glance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stackmend.cli.context import CloudChoice, cloud_options, open_world

if TYPE_CHECKING:
    from stackmend.adapters.world import World
    from stackmend.domain.overview import Overview, RunGlance

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
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["table", "json", "yaml", "csv"]),
    default="table",
    show_default=True,
    help="Of the output.",
)
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
    return judge(world.inventory.cloud, world.clock.now(), facts, _open_runs(state))


def _looks(world: World, state: Path, seconds: float) -> Iterator[Overview]:
    while True:
        yield _look(world, state)
        world.clock.pause(seconds)


def _open_runs(state: Path) -> tuple[RunGlance, ...]:
    """Return the runs that hold a node; none where there is no journal yet."""
    if not state.is_dir():
        return ()
    from stackmend.domain.overview import RunGlance  # noqa: PLC0415
    from stackmend.engine.journal import Journal  # noqa: PLC0415 - late: it imports SQLite
    from stackmend.engine.reading import Runs  # noqa: PLC0415

    journal = Journal(state)
    try:
        found = Runs(journal).latest(open_only=True)
    finally:
        journal.close()
    return tuple(RunGlance(run.id, run.state, run.plan.subject, run.sentence) for run in found)
