"""``stackmend node``: take a compute node out of service and back, diagnose it, recover it when it is dead."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stackmend.cli.context import CloudChoice, cloud_options, rows_option
from stackmend.cli.planning import Asked, plan_options, show_or_apply
from stackmend.cli.power import power

if TYPE_CHECKING:
    from stackmend.adapters.world import World
    from stackmend.domain.plan import Plan

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def node() -> None:
    """Take compute nodes out of service, and back."""


node.add_command(power)


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
@click.option(
    "--accept-loss",
    metavar="INSTANCE",
    multiple=True,
    help="Move this one though its data on NODE's own disk is lost; may be given again.",
)
@click.option("--target", metavar="NODE", default="", help="Move to this node only.")
@click.option(
    "--limit", type=click.IntRange(1, 32), default=4, show_default=True, help="How many evacuations go on at once."
)
@click.option(
    "--i-have-fenced",
    "fenced",
    metavar="NODE",
    default="",
    help="Your statement that NODE can't run, where no power controller can tell; needs --reason.",
)
@click.option("--even-in-a-wave", is_flag=True, help="Go on though most compute nodes are down at once.")
@click.option(
    "--via",
    type=click.Choice(["api", "database"]),
    default="api",
    show_default=True,
    help="Have nova evacuate; or, where it can't, change its rows and reboot hard (needs --target and --reason).",
)
@plan_options
def recover(name: str, **asked: Any) -> None:
    """Fence the dead NODE, prove it, and start its instances on other nodes, without losing data unasked."""
    from stackmend.cli import recovering  # noqa: PLC0415 - late: it imports every client

    chosen = recovering.Chosen(
        **{f: asked.pop(f) for f in ("accept_loss", "target", "limit", "fenced", "even_in_a_wave", "via")}
    )
    show_or_apply(Asked.of(asked), lambda world, reason: recovering.recover(world, name, chosen, reason=reason))


@node.command()
@click.argument("name", metavar="NODE")
@click.option("--no-canary", is_flag=True, help="Do not boot an instance there.")
@click.option(
    "--clean-up",
    is_flag=True,
    help="Undefine domains, and put directories into the trash, that nova-compute leaves there of instances that are "
    "proved elsewhere.",
)
@click.option("--return-instances", is_flag=True, help="Bring the instances home that were started elsewhere.")
@click.option(
    "--patience", type=click.FloatRange(min=1), default=120.0, show_default=True, metavar="SECONDS", help="As in drain."
)
@plan_options
def readmit(
    name: str, *, no_canary: bool, clean_up: bool, return_instances: bool, patience: float, **asked: Any
) -> None:
    """Take the recovered NODE back: see that it let go of what runs elsewhere, then up, verified and enabled."""
    from stackmend.cli import recovering  # noqa: PLC0415 - late: it imports every client

    chosen = Asked.of(asked)
    way = patience if return_instances else None

    def make(world: World, _: str) -> Plan:
        return recovering.readmit(world, chosen.state, name, canary=not no_canary, clean_up=clean_up, home=way)

    show_or_apply(chosen, make)


@node.command()
@click.argument("name", metavar="NODE")
@click.option("--no-canary", is_flag=True, help="Do not boot an instance there.")
@rows_option
@cloud_options
def verify(name: str, *, no_canary: bool, form: str, **asked: Any) -> None:
    """Check that NODE works: service, AMQP, heartbeat, RPC, libvirt, network, storage, clock, a canary."""
    from stackmend.cli.verifying import verify_node  # noqa: PLC0415 - late: it imports every client

    sys.exit(verify_node(CloudChoice.of(asked), name, canary=not no_canary, form=form))


@node.command()
@click.argument("name", metavar="NODE")
@rows_option
@cloud_options
def diagnose(name: str, form: str, **asked: Any) -> None:
    """Say whether NODE is dead: up, degraded, wedged, partitioned, off or unknown, and who says so.

    Asked are nova's heartbeat, the node itself over SSH, its libvirt, other nodes that ping it, its power controller
    and neutron. Nothing is changed. The exit status is 0 for up, 4 for unknown (a person must decide), 1 for the rest.
    """
    from stackmend.cli.diagnosing import diagnose_node  # noqa: PLC0415 - late: it imports every client

    sys.exit(diagnose_node(CloudChoice.of(asked), name, form))
