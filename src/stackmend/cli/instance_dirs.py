"""``stackmend instance-dirs``: what lies in a node's directory of instances, and who needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stackmend.cli.context import CloudChoice, cloud_options, open_world, rows_option
from stackmend.cli.planning import Asked, plan_options, show_or_apply

if TYPE_CHECKING:
    from stackmend.adapters.world import World
    from stackmend.domain.instance_files import Audit

KEEP_DAYS = 14.0


@click.group(name="instance-dirs")
def instance_dirs() -> None:
    """Look after the directories of instances (/var/lib/nova/instances) of compute nodes."""


@instance_dirs.command()
@click.argument("name", metavar="NODE")
@rows_option
@cloud_options
def audit(name: str, form: str, **asked: Any) -> None:
    """Say of everything in NODE's directory of instances whether it is needed, and by whom.

    Nova, libvirt on the node and on all that share the directory, and the disks' backing chains are asked. Nothing is
    called orphaned while any of them is silent. Nothing is changed.
    """
    with open_world(CloudChoice.of(asked)) as world:
        from stackmend.render.instance_dirs import show_audit  # noqa: PLC0415 - late: it is slow to import

        show_audit(_look(world, name), form)


@instance_dirs.command()
@click.argument("name", metavar="NODE")
@click.argument("items", metavar="[ITEM...]", nargs=-1)
@click.option(
    "--keep-days",
    type=click.FloatRange(min=0),
    default=KEEP_DAYS,
    show_default=True,
    metavar="DAYS",
    help="Keep it in the trash for so long.",
)
@plan_options
def clean(name: str, items: tuple[str, ...], keep_days: float, **asked: Any) -> None:
    """Put what is orphaned in NODE's directory of instances into a trash, from where restore brings it back.

    With ITEMs (names as audit shows them), only these; what is recoverable goes only where it is named. Nothing goes
    that anybody needs, or that somebody who may need it could not be asked about.
    """
    from stackmend.runbooks.instance_dirs import plan_clean  # noqa: PLC0415 - late: it imports every client

    show_or_apply(Asked.of(asked), lambda world, _: plan_clean(_look(world, name), items, days=keep_days))


@instance_dirs.command()
@click.argument("name", metavar="NODE")
@click.argument("run", metavar="RUN")
@plan_options
def restore(name: str, run: str, **asked: Any) -> None:
    """Put back what RUN put into the trash of NODE's directory of instances."""
    from stackmend.runbooks.instance_dirs import plan_restore  # noqa: PLC0415 - late: it imports every client

    show_or_apply(Asked.of(asked), lambda world, _: plan_restore(_look(world, name), run))


@instance_dirs.command(name="empty-trash")
@click.argument("name", metavar="NODE")
@plan_options
def empty_trash(name: str, **asked: Any) -> None:
    """Remove for good what is in the trash of NODE's directory of instances past its end date."""
    from stackmend.runbooks.instance_dirs import plan_empty  # noqa: PLC0415 - late: it imports every client

    show_or_apply(Asked.of(asked), lambda world, _: plan_empty(_look(world, name)))


def _look(world: World, name: str) -> Audit:
    from stackmend.cli.plans import compute_node  # noqa: PLC0415 - late: it imports every client
    from stackmend.facts.instance_files import gather  # noqa: PLC0415
    from stackmend.rules.instance_files import judge  # noqa: PLC0415

    return judge(gather(world, compute_node(world, name).name))
