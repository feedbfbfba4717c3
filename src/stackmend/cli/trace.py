"""``stackmend trace``: run a command, and tell where in the cloud it went wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stackmend.cli.context import CloudChoice, cloud_options, text_option
from stackmend.cli.logs import bounds


@click.command(context_settings={"allow_interspersed_args": False})
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="Seconds, at most, for work that goes on after the command; it ends earlier once nothing new is written.",
)
@click.option("--follow", is_flag=True, help="Show the records as they are written, on standard error.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Of the answer; - is standard output. Standard error if not given.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 where the command ended with 0 and a service went wrong.")
@click.option("--by-address", is_flag=True, help="Take every request that this machine sends meanwhile.")
@click.option(
    "--address",
    "addresses",
    multiple=True,
    metavar="IP",
    help="Of this machine, or of the proxy before the APIs, as they log it; found out if not given.",
)
@bounds
@text_option("Of the answer.")
@cloud_options
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def trace(**asked: Any) -> int:
    """Run COMMAND, and tell where in the cloud it went wrong.

    Its requests are followed through the services' logs on all nodes, and the first error that is a cause, not an echo
    of one, is told with the lines that show it. Python clients tell their requests themselves; those of others are
    found by this machine's address and the time. The command's input, output and exit status are its own. Put -- before
    it.
    """
    from stackmend.cli.tracing import Asked, trace_command  # noqa: PLC0415 - late: it imports every client

    return trace_command(CloudChoice.of(asked), Asked(**{name: asked[name] for name in Asked.__annotations__}))
