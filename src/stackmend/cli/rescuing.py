"""``stackmend instance rescue``: read the disks of an instance, and give it back whatever happens."""

from __future__ import annotations

import getpass
import platform
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stackmend.cli.context import cloud_options
from stackmend.cli.planning import Asked, show_or_apply
from stackmend.errors import Code, Exit, UsageError

if TYPE_CHECKING:
    from stackmend.adapters.world import World
    from stackmend.domain.plan import Plan
    from stackmend.domain.rescue import Wanted

LIMIT_SECONDS = 900
SHELL_MARGIN = 300
"""Seconds by which the limit is at least longer than a shell: opening the disks and reading go on its account too."""
SCRATCH = "rescue"
"""Directory in the state directory that holds what is to be shown until it is shown."""


@click.command()
@click.argument("name", metavar="INSTANCE")
@click.option("--reason", required=True, help="Why, and who consented; journaled with your name.")
@click.option("--list", "lists", metavar="PATH", multiple=True, help="List this directory; may be given again.")
@click.option("--read", "reads", metavar="PATH", multiple=True, help="Show this text file; may be given again.")
@click.option(
    "--copy", "copies", metavar="PATH", multiple=True, help="Copy this, and all below, to --to; may be given again."
)
@click.option(
    "--to", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help="Directory here that gets the copies."
)
@click.option(
    "--shell",
    type=click.FloatRange(min=0.1),
    metavar="MINUTES",
    help="Open a shell on the disks, which ends by itself after so long.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=10),
    default=LIMIT_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="The node gives the instance back by itself after so long.",
)
@click.option(
    "--way",
    type=click.Choice(["libguestfs", "fuse", "nbd"]),
    help="What reads the file systems; libguestfs, which isolates them, where it works on the node and you do not say.",
)
@click.option("--trust-guest", is_flag=True, help="Let the node's kernel read the file systems of this instance.")
@click.option("--end", is_flag=True, help="Read nothing: end what an earlier rescue left, and give the instance back.")
@click.option("--plan", "plan_only", is_flag=True, help="Show the plan and change nothing.")
@click.option("--yes", "-y", is_flag=True, help="Apply the plan without asking.")
@click.option("--expect", metavar="HASH", default="", help="Apply only a plan with this hash.")
@click.option(
    "-f", "--format", "form", type=click.Choice(["text", "json", "yaml"]), default="text", help="Of the plan."
)
@cloud_options
def rescue(  # noqa: PLR0913 - each is an option
    name: str,
    lists: tuple[str, ...],
    reads: tuple[str, ...],
    copies: tuple[str, ...],
    to: Path | None,
    limit: int,
    *,
    shell: float | None,
    way: str | None,
    trust_guest: bool,
    end: bool,
    **asked: Any,
) -> None:
    """Read files from the disks of INSTANCE, suspended meanwhile, and give it back.

    PATH is a path in the guest, or names the file system where several have it: disk.1:/etc/fstab.
    """
    from stackmend.domain.rescue import Reader, Wanted  # noqa: PLC0415 - late: --help needs none of these

    _check_words((*lists, *reads, *copies, *(["shell"] if shell else ())), copies, to, end=end)
    chosen = Asked.of(asked)
    wanted = Wanted(
        lists=lists,
        reads=reads,
        scratch=str(chosen.state.absolute() / SCRATCH),
        copies=copies,
        to=str(to.absolute()) if to else "",
        limit=max(limit, int(60 * shell) + SHELL_MARGIN) if shell else limit,
        trust_guest=trust_guest,
        consent=f"{getpass.getuser()}@{platform.node()}",
        reason=chosen.reason,
        reader=Reader(way) if way else None,
        shell_minutes=shell or 0,
    )
    show_or_apply(
        chosen,
        lambda world, _: _plan(world, name, wanted, end=end),
        lambda world, plan: _carry_out(world, plan, chosen),
    )


def _check_words(wanted: tuple[str, ...], copies: tuple[str, ...], to: Path | None, *, end: bool) -> None:
    """Raise UsageError where the options do not fit together."""
    if end and wanted:
        raise UsageError(
            Code.USAGE, "--end reads nothing", hint="leave --list, --read, --copy and --shell out, or --end"
        )
    if not end and not wanted:
        raise UsageError(
            Code.USAGE,
            "nothing to read was named",
            hint="give --list PATH, --read PATH, --copy PATH or --shell MINUTES",
        )
    if bool(copies) != (to is not None):
        raise UsageError(Code.USAGE, "--copy and --to belong together", hint="give --copy PATH --to DIR")


def _plan(world: World, name: str, wanted: Wanted, *, end: bool) -> Plan:
    from stackmend.facts import guest_disks  # noqa: PLC0415 - late: they import every client
    from stackmend.runbooks.rescue import plan_end, plan_rescue  # noqa: PLC0415

    found, silence = guest_disks.find(world, name)
    if end:
        return plan_end(found, wanted, silence=silence)
    own = replace(wanted, scratch=f"{wanted.scratch}/{found.id}")
    return plan_rescue(guest_disks.gather(world, found, own.reader, silence), own)


def _carry_out(world: World, plan: Plan, chosen: Asked) -> int:
    """Carry the plan out; where it comes to no end, take it back at once, so that the instance waits for nobody."""
    from stackmend.cli.wiring import actor, exit_status, open_engine  # noqa: PLC0415 - late: it imports every action
    from stackmend.domain.run import RunState  # noqa: PLC0415
    from stackmend.render.rescue import show_read  # noqa: PLC0415
    from stackmend.render.runs import show_ending, show_failures  # noqa: PLC0415

    with open_engine(world, chosen.state) as engine:
        run = engine.start(plan, actor=actor(), reason=chosen.reason)
        run = engine.carry_out(run.id)
    if run.state in {RunState.PAUSED, RunState.INTERRUPTED}:
        show_failures(run)
        # another engine, as one that a signal has stopped does nothing more
        with open_engine(world, chosen.state) as engine:
            run = engine.undo(run.id)
    show_ending(run)
    show_read(run)
    return Exit.FAILED if run.state is RunState.UNDONE else exit_status(run)
