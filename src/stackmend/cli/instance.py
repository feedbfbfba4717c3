"""``stackmend instance``: list, show, start, reboot and diagnose instances, read their consoles and their disks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from stackmend.cli.context import CloudChoice, cloud_options, open_world, rows_option
from stackmend.cli.planning import Asked, plan_options, show_or_apply
from stackmend.cli.rescuing import rescue
from stackmend.errors import Code, Exit, UsageError

if TYPE_CHECKING:
    from stackmend.adapters.world import World
    from stackmend.domain.plan import Plan

AT_ONCE = 4
"""Instances that start at once by default: each reads its disk and has nova plug its network."""
LINES = 40


@click.group()
def instance() -> None:
    """Bring instances back, and find out why they do not boot. Also called ``server``."""


@instance.command(name="list")
@click.option("--node", metavar="NODE", default="", help="Only what is on this node.")
@click.option("--was-running", is_flag=True, help="Only what ran before its node went down, and does not run now.")
@rows_option
@cloud_options
def list_(node: str, *, was_running: bool, form: str, **asked: Any) -> None:
    """List instances, by nova and by libvirt."""
    from stackmend.cli import instance_views  # noqa: PLC0415 - late: it imports every client
    from stackmend.render.output import show_rows  # noqa: PLC0415

    with open_world(CloudChoice.of(asked)) as world:
        rows = instance_views.rows(world, node, was_running=was_running)
        show_rows(instance_views.RAN_COLUMNS if was_running else instance_views.COLUMNS, rows, form)


@instance.command()
@click.argument("name", metavar="INSTANCE")
@rows_option
@cloud_options
def show(name: str, form: str, **asked: Any) -> None:
    """Show all that is known of INSTANCE: nova's record, where each witness has it, disks, ports, what was done."""
    from stackmend.cli import instance_views  # noqa: PLC0415 - late: it imports every client
    from stackmend.render.output import show_data, show_rows  # noqa: PLC0415

    with open_world(CloudChoice.of(asked)) as world:
        found = instance_views.everything(world, name)
    if form in {"json", "yaml"}:
        show_data(found, form)
    else:
        show_rows(("what", "is"), instance_views.as_lines(found), form)


@instance.command()
@click.argument("names", metavar="[INSTANCE...]", nargs=-1)
@click.option("--node", metavar="NODE", default="", help="Start what ran on this node before it went down.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=AT_ONCE, show_default=True, metavar="N", help="At most N at once."
)
@click.option(
    "--order",
    type=click.Choice(["priority", "name"]),
    default="priority",
    show_default=True,
    help="By the metadata stackmend:priority, the higher first, then by name; or by name alone.",
)
@plan_options
def start(names: tuple[str, ...], node: str, limit: int, order: str, **asked: Any) -> None:
    """Start each INSTANCE, or what ran on a node before it went down, and tell which did not come up and why.

    With --node, what a user had stopped stays so.
    """
    if bool(names) == bool(node):
        raise UsageError(Code.USAGE, "name instances, or a node by --node, and not both")
    from stackmend.cli import instance_plans  # noqa: PLC0415 - late: it imports every client

    def make(world: World, _: str) -> Plan:
        if node:
            return instance_plans.start_on(world, node, limit=limit, order=order)
        return instance_plans.start_named(world, names, limit=limit, order=order)

    show_or_apply(Asked.of(asked), make)


@instance.command()
@click.argument("name", metavar="INSTANCE")
@click.option("--hard", is_flag=True, help="Do not ask the guest; have nova make libvirt's XML again.")
@plan_options
def reboot(name: str, *, hard: bool, **asked: Any) -> None:
    """Reboot INSTANCE, and see that another process runs it than before."""
    from stackmend.cli import instance_plans  # noqa: PLC0415 - late: it imports every client

    show_or_apply(Asked.of(asked), lambda world, _: instance_plans.reboot(world, name, hard=hard))


@instance.command()
@click.argument("name", metavar="INSTANCE")
@click.option("--fix", is_flag=True, help="Make the plan of the first cause's cure, and carry it out like any other.")
@plan_options
def diagnose(name: str, *, fix: bool, **asked: Any) -> None:
    """Name why INSTANCE does not run well, with the evidence, before anything is tried.

    The exit status is 1 where a cause shows.
    """
    from stackmend.cli import instance_plans, instance_views  # noqa: PLC0415 - late: it imports every client

    chosen = Asked.of(asked)
    if fix:
        show_or_apply(chosen, lambda world, _: instance_plans.cure(world, name))
        return
    with open_world(chosen.cloud) as world:
        found = instance_views.show_causes(world, name, chosen.form)
    sys.exit(Exit.FAILED if found else Exit.DONE)


@instance.command()
@click.argument("name", metavar="INSTANCE")
@click.option(
    "--lines", type=click.IntRange(min=1), default=LINES, show_default=True, metavar="N", help="The last N lines."
)
@click.option("--follow", is_flag=True, help="Go on showing what it writes, until Ctrl-C.")
@cloud_options
def console(name: str, lines: int, *, follow: bool, **asked: Any) -> None:
    """Show the console log of INSTANCE, by nova or else from its node. The guest writes it: believe it as such."""
    from stackmend.cli import instance_console  # noqa: PLC0415 - late: it imports every client

    with open_world(CloudChoice.of(asked)) as world:
        instance_console.show(world, name, lines, follow=follow)


instance.add_command(rescue)
