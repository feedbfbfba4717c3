"""``stackmend node``: drain, stop, start, verify, return and maintain a compute node."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stackmend.cli.context import CloudChoice, cloud_options
from stackmend.cli.planning import Asked, plan_options, show_or_apply

if TYPE_CHECKING:
    from stackmend.adapters.world import World
    from stackmend.domain.plan import Plan

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def node() -> None:
    """Take compute nodes out of service, and back."""


def _drain_options(command: F) -> F:
    """Options of every command that drains."""
    for option in (
        click.option(
            "--stopped",
            type=click.Choice(["move", "stay"]),
            default="move",
            show_default=True,
            help="Move stopped instances cold, or leave them on the node.",
        ),
        click.option(
            "--leave", metavar="INSTANCE", multiple=True, help="Leave this one on the node; may be given again."
        ),
        click.option("--target", metavar="NODE", default="", help="Move to this node only."),
        click.option(
            "--patience",
            type=click.FloatRange(min=1),
            default=120.0,
            show_default=True,
            metavar="SECONDS",
            help="Pause where a live migration makes no progress for so long.",
        ),
    ):
        command = option(command)
    return command


@node.command()
@click.argument("name", metavar="NODE")
@plan_options
@_drain_options
def drain(name: str, stopped: str, leave: tuple[str, ...], target: str, patience: float, **asked: Any) -> None:
    """Move every instance away from NODE, and keep new ones from it."""
    from stackmend.cli import plans  # noqa: PLC0415 - late: it imports every client

    show_or_apply(
        Asked.of(asked),
        lambda world, reason: plans.drain(
            world, name, plans.Chosen(stopped, leave, target), reason=reason, patience=patience
        ),
    )


@node.command()
@click.argument("name", metavar="NODE")
@plan_options
def stop(name: str, **asked: Any) -> None:
    """Stop nova-compute on NODE and hold it, so that nothing starts it again."""
    from stackmend.cli import plans  # noqa: PLC0415 - late: it imports every client

    show_or_apply(Asked.of(asked), lambda world, reason: plans.stop(world, name, reason=reason))


@node.command()
@click.argument("name", metavar="NODE")
@plan_options
def start(name: str, **asked: Any) -> None:
    """Start what stackmend holds on NODE, and verify it."""
    from stackmend.cli import plans  # noqa: PLC0415 - late: it imports every client

    show_or_apply(Asked.of(asked), lambda world, _: plans.start(world, name))


@node.command(name="return")
@click.argument("name", metavar="NODE")
@click.option("--stay", is_flag=True, help="Leave the instances where the drain put them.")
@click.option(
    "--patience", type=click.FloatRange(min=1), default=120.0, show_default=True, metavar="SECONDS", help="As in drain."
)
@plan_options
def return_(name: str, *, stay: bool, patience: float, **asked: Any) -> None:
    """Start, verify and enable NODE again, and bring back what its last drain moved."""
    from stackmend.cli import plans  # noqa: PLC0415 - late: it imports every client

    chosen = Asked.of(asked)
    show_or_apply(chosen, lambda world, _: plans.bring_back(world, chosen.state, name, stay=stay, patience=patience))


@node.command(context_settings={"ignore_unknown_options": True})
@click.argument("name", metavar="NODE")
@click.argument("command", metavar="[-- COMMAND...]", nargs=-1, type=click.UNPROCESSED)
@click.option("--reboot", is_flag=True, help="Reboot the node while it is empty, after the command.")
@click.option("--stay", is_flag=True, help="Leave the instances where the drain put them.")
@plan_options
@_drain_options
def maintain(  # noqa: PLR0913 - the options of a drain and two more
    name: str,
    command: tuple[str, ...],
    stopped: str,
    leave: tuple[str, ...],
    target: str,
    patience: float,
    *,
    reboot: bool,
    stay: bool,
    **asked: Any,
) -> None:
    """Drain, stop, reboot or run a command, start, verify and return NODE, all in one run."""
    from stackmend.cli import plans  # noqa: PLC0415 - late: it imports every client

    def make(world: World, reason: str) -> Plan:
        work = plans.Work(reboot=reboot, command=command, stay=stay, reason=reason, patience=patience)
        return plans.maintain(world, name, plans.Chosen(stopped, leave, target), work)

    show_or_apply(Asked.of(asked), make)


@node.command()
@click.argument("name", metavar="NODE")
@click.option("--no-canary", is_flag=True, help="Do not boot an instance there.")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["table", "json", "yaml", "csv"]),
    default="table",
    help="Of the output.",
)
@cloud_options
def verify(name: str, *, no_canary: bool, form: str, **asked: Any) -> None:
    """Check that NODE works: service, AMQP, heartbeat, RPC, libvirt, network, storage, clock, a canary."""
    from stackmend.cli.verifying import verify_node  # noqa: PLC0415 - late: it imports every client

    sys.exit(verify_node(CloudChoice.of(asked), name, canary=not no_canary, form=form))
