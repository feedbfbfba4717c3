"""``stackmend watch``: say every change of a compute node's condition."""

from __future__ import annotations

import sys
from typing import Any

import click

from stackmend.cli.context import CloudChoice, cloud_options, text_option


@click.command()
@click.option(
    "--interval",
    type=click.FloatRange(min=1),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="From the beginning of a look to that of the next.",
)
@click.option(
    "--most-share",
    type=click.FloatRange(min=0, max=1),
    default=0.3,
    show_default=True,
    metavar="SHARE",
    help="Of the nodes; more of them that fail within a minute are a wave.",
)
@click.option("--once", is_flag=True, help="Look once; exit with 1 where a node is not up, and nobody meant it.")
@text_option("Of the lines; JSON is one object a line.")
@click.option(
    "--act-on", metavar="NODE", multiple=True, help="Recover this node where it is found dead; may be given again."
)
@click.option(
    "--max-share",
    type=click.FloatRange(min=0, max=100),
    default=10.0,
    show_default=True,
    metavar="PERCENT",
    help="Of the compute nodes; where more are down, for whatever reason, none is acted on.",
)
@cloud_options
def watch(
    interval: float,
    most_share: float,
    form: str,
    act_on: tuple[str, ...],
    max_share: float,
    *,
    once: bool,
    **asked: Any,
) -> None:
    """Watch all compute nodes, and say each change of a node's condition, seen twice, with the time.

    The conditions are those of node diagnose. It changes nothing without --act-on. A node so named that is found off,
    twice and then once more, is recovered by the run of node recover. Where more than a share of the nodes fails at
    once, it says that this is a wave: a network fault until proved otherwise. Ctrl-C or SIGTERM end it.
    """
    from stackmend.cli.watching import Wanted, watch_nodes  # noqa: PLC0415 - late: it imports every client

    sys.exit(
        watch_nodes(
            CloudChoice.of(asked),
            interval=interval,
            most_share=most_share,
            once=once,
            form=form,
            wanted=Wanted(act_on, max_share),
        )
    )
