"""``stackmend volume``: list, diagnose and reattach the volumes of instances."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from stackmend.cli.context import CloudChoice, cloud_options, open_world, rows_option
from stackmend.cli.planning import Asked, plan_options, show_or_apply
from stackmend.errors import Code, Exit, UsageError
from stackmend.rules.volumes import PROMPT, SETTLED

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def volume() -> None:
    """See who uses which volume, find those that hang, and attach them again."""


def _repair_options(command: F) -> F:
    """Options of every command that judges volumes and may repair them."""
    for option in (
        click.option(
            "--settled",
            type=click.FloatRange(min=0),
            default=SETTLED,
            show_default=True,
            metavar="SECONDS",
            help="Take a status that should pass for stuck after so long without a change.",
        ),
        click.option(
            "--prompt",
            metavar="REGEX",
            default=PROMPT,
            show_default=True,
            callback=lambda _, __, value: _compiled(value),
            help="What the console of a booted instance shows; empty for not to look.",
        ),
        click.option(
            "--interrupt",
            metavar="INSTANCE",
            multiple=True,
            help="Allow what takes a volume from this running instance for a moment, or reboots it. Repeatable.",
        ),
    ):
        command = option(command)
    return command


def _compiled(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise click.BadParameter(f"{text!r} is no regular expression: {error}") from error
    return text


@volume.command(name="list")
@click.option("--node", metavar="NODE", required=True, help="Whose instances' volumes.")
@rows_option
@cloud_options
def list_(node: str, form: str, **asked: Any) -> None:
    """List the volumes of the instances on a node, by the APIs, or by the databases where those are down."""
    from stackmend.cli import volume_plans  # noqa: PLC0415 - late: it imports every client
    from stackmend.render.volumes import show_table  # noqa: PLC0415

    with open_world(CloudChoice.of(asked)) as world:
        way, rows = volume_plans.table(world, node)
    show_table(node, way, rows, form)


@volume.command()
@click.argument("name", metavar="[VOLUME]", default="")
@click.option("--node", metavar="NODE", default="", help="Only what Cinder, nova or libvirt names for this node.")
@click.option("--fix", is_flag=True, help="Make the plan of every repair shown to be safe, and carry it out.")
@_repair_options
@plan_options
def diagnose(
    name: str, node: str, *, fix: bool, settled: float, prompt: str, interrupt: tuple[str, ...], **asked: Any
) -> None:
    """Compare what Cinder, nova, libvirt, QEMU and Ceph say of VOLUME, of a node's volumes, or of all.

    The exit status is 1 where something is wrong.
    """
    if name and node:
        raise UsageError(Code.USAGE, "name a volume, or a node by --node, and not both")
    from stackmend.cli import volume_plans  # noqa: PLC0415 - late: it imports every client
    from stackmend.domain.finding import Level  # noqa: PLC0415
    from stackmend.render.volumes import show_findings  # noqa: PLC0415

    chosen = Asked.of(asked)
    wanted = volume_plans.Wanted(name, node, settled, prompt, interrupt)
    if fix:
        show_or_apply(chosen, lambda world, _: volume_plans.fix(world, wanted))
        return
    with open_world(chosen.cloud) as world:
        findings = volume_plans.diagnose(world, wanted)
    show_findings(findings, chosen.form)
    sys.exit(Exit.FAILED if any(f.finding.level is Level.FAILED for f in findings) else Exit.DONE)


@volume.command()
@click.option("--node", metavar="NODE", required=True, help="Whose instances.")
@_repair_options
@plan_options
def reattach(node: str, settled: float, prompt: str, interrupt: tuple[str, ...], **asked: Any) -> None:
    """Detach and attach again what the domains on a node lack of their volumes, once each instance has booted.

    With --interrupt also what Cinder has forgotten, and the domain has.
    """
    from stackmend.cli import volume_plans  # noqa: PLC0415 - late: it imports every client

    wanted = volume_plans.Wanted("", node, settled, prompt, interrupt)
    show_or_apply(Asked.of(asked), lambda world, _: volume_plans.reattach(world, wanted))
