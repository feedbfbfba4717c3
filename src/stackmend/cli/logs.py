"""``stackmend logs``: the services' logs of all nodes in one time line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from stackmend.cli.context import CloudChoice, cloud_options, text_option

F = TypeVar("F", bound=Callable[..., Any])
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def bounds(command: F) -> F:
    """Add what bounds the reading of logs: ``--limit`` and ``--timeout``."""
    limit = click.IntRange(min=1)
    seconds = click.FloatRange(min=1)
    for option in (
        click.option("--timeout", type=seconds, default=60.0, show_default=True, help="Seconds for each node."),
        click.option("--limit", type=limit, default=5000, show_default=True, help="Records of one node."),
    ):
        command = option(command)
    return command


def _moment(ctx: click.Context, param: click.Parameter, text: str | None) -> datetime | None:
    from stackmend.rules.logs_when import moment  # noqa: PLC0415 - late: --help needs none of it

    if text is None:
        return None
    try:
        return moment(text, datetime.now(UTC))
    except ValueError as error:
        raise click.BadParameter("say 10m, 2h, 3d, 13:05 or 2026-11-24T13:05", ctx=ctx, param=param) from error


def _zone(ctx: click.Context, param: click.Parameter, text: str) -> str:
    from zoneinfo import available_timezones  # noqa: PLC0415 - late: seldom another than UTC

    if text != "UTC" and text not in available_timezones():
        raise click.BadParameter("there is no such time zone; say one such as Asia/Tokyo", ctx=ctx, param=param)
    return text


@click.command()
@click.option("--request", "requests", multiple=True, metavar="REQ", help="Request id or global request id.")
@click.option("--instance", "instances", multiple=True, metavar="UUID", help="Of an instance.")
@click.option("--grep", "texts", multiple=True, metavar="TEXT", help="A fixed string, case and all.")
@click.option("--service", "services", multiple=True, metavar="NAME", help="Such as nova, or nova-compute.")
@click.option("--node", "nodes", multiple=True, metavar="NODE", help="Only this one.")
@click.option("--level", type=click.Choice(LEVELS, case_sensitive=False), help="The least.")
@click.option(
    "--since",
    callback=_moment,
    metavar="WHEN",
    help="10m (ago), 13:05 or 2026-11-24T13:05, UTC; 1h if neither this nor an id is given.",
)
@click.option("--until", callback=_moment, metavar="WHEN", help="Likewise.")
@click.option("--errors", is_flag=True, help="Group alike errors: how many, first and last, where.")
@click.option("--follow", is_flag=True, help="Show new records as they are written, until Ctrl-C.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Read copied logs instead: /var/log of each node, or extracted sos reports.",
)
@click.option(
    "--zone",
    callback=_zone,
    default="UTC",
    show_default=True,
    help="Time zone of a bundle's nodes, such as Asia/Tokyo.",
)
@bounds
@text_option("Of the lines; JSON is one object a line.")
@cloud_options
def logs(**asked: Any) -> int:
    """Show the services' logs of all nodes in one time line.

    Each node is searched by itself, rotated files too, and sends what matches. Conditions of different options hold
    together; of an option that is given twice, one is enough, but each --grep must be there. Times are UTC, corrected
    by how far a node's clock is off. Secrets are masked. It exits with 1 where nothing was found.
    """
    from stackmend.cli.logs_reading import Asked, show_logs  # noqa: PLC0415 - late: it imports every client

    return show_logs(CloudChoice.of(asked), Asked(**{name: asked[name] for name in Asked.__annotations__}))
