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


@instance_dirs.command()
@click.argument("name", metavar="NODE")
@click.option("--to", metavar="NODE2", required=True, help="Bring the instances up on this node.")
@click.option("--instance", metavar="INSTANCE", multiple=True, help="Only this one; may be given again.")
@click.option(
    "--disk-at",
    metavar="[NODE:]PATH",
    default="",
    help="Where the directory of instances is read, if not at its own place on NODE: in a rescue system, or on another "
    "node of the inventory that has the disk.",
)
@click.option(
    "--limit-rate",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="MIB",
    help="Copy at most so many MiB a second; 0 for no limit.",
)
@click.option(
    "--i-have-fenced",
    "fenced",
    metavar="NODE",
    default="",
    help="Your statement that NODE can't start its instances, where nothing else can tell; needs --reason.",
)
@click.option(
    "--keep-days",
    type=click.FloatRange(min=0),
    default=KEEP_DAYS,
    show_default=True,
    metavar="DAYS",
    help="Keep what was copied in the trash of NODE's own directory for so long.",
)
@plan_options
def salvage(name: str, **asked: Any) -> None:
    """Copy instances of NODE, which is offline for nova but whose disk can be read, to NODE2, and bring them up there.

    NODE is proved unable to run them first. Each file's SHA-256 is compared on both nodes before nova is told.
    """
    from stackmend.cli import salvaging  # noqa: PLC0415 - late: it imports every client

    fields = ("to", "instance", "disk_at", "limit_rate", "fenced", "keep_days")
    chosen = salvaging.Chosen(**{field: asked.pop(field) for field in fields})
    show_or_apply(Asked.of(asked), lambda world, reason: salvaging.salvage(world, name, chosen, reason=reason))


def _look(world: World, name: str) -> Audit:
    from stackmend.cli.plans import compute_node  # noqa: PLC0415 - late: it imports every client
    from stackmend.facts.instance_files import gather  # noqa: PLC0415
    from stackmend.rules.instance_files import judge  # noqa: PLC0415

    return judge(gather(world, compute_node(world, name).name))
