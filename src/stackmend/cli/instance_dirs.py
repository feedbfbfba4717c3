"""``stackmend instance-dirs``: what lies in a node's directory of instances, and who needs it."""

from __future__ import annotations

from typing import Any

import click

from stackmend.cli.context import CloudChoice, cloud_options, open_world


@click.group(name="instance-dirs")
def instance_dirs() -> None:
    """Look after the directories of instances (/var/lib/nova/instances) of compute nodes."""


@instance_dirs.command()
@click.argument("name", metavar="NODE")
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
def audit(name: str, form: str, **asked: Any) -> None:
    """Say of everything in NODE's directory of instances whether it is needed, and by whom.

    Nova, libvirt on the node and on all that share the directory, and the disks' backing chains are asked. Nothing is
    called orphaned while any of them is silent. Nothing is changed.
    """
    with open_world(CloudChoice.of(asked)) as world:
        from stackmend.cli import plans  # noqa: PLC0415 - late: it imports every client
        from stackmend.facts.instance_files import gather  # noqa: PLC0415
        from stackmend.render.instance_dirs import show_audit  # noqa: PLC0415
        from stackmend.rules.instance_files import judge  # noqa: PLC0415

        show_audit(judge(gather(world, plans.compute_node(world, name).name)), form)
