"""``stackmend node power``: what the nodes' power controllers say."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from stackmend.cli.context import CloudChoice, cloud_options, open_world, rows_option
from stackmend.errors import Code, Exit, Refused, StackmendError

if TYPE_CHECKING:
    from stackmend.adapters.world import World
    from stackmend.domain.values import NodeName

COLUMNS = ("node", "power", "controller", "problem")


@click.group()
def power() -> None:
    """Ask the power controllers of nodes."""


@power.command()
@click.argument("names", metavar="[NODE]...", nargs=-1)
@rows_option
@cloud_options
def status(names: tuple[str, ...], form: str, **asked: Any) -> None:
    """Show what the power controller of each NODE says, or of every node that has one; nothing is changed.

    The exit status is 1 where a controller does not answer. A controller may be wrong: it is one witness.
    """
    from stackmend.facts.concurrently import each  # noqa: PLC0415 - late: --help does without it
    from stackmend.render.output import show_rows  # noqa: PLC0415

    with open_world(CloudChoice.of(asked)) as world:
        rows = each(lambda node: _row(world, node), _nodes(world, names))
    show_rows(COLUMNS, list(rows.values()), form)
    sys.exit(Exit.FAILED if any(row["problem"] for row in rows.values()) else Exit.DONE)


def _nodes(world: World, names: tuple[str, ...]) -> list[NodeName]:
    """Return the nodes that are named, or all that have a controller.

    Raises:
        Refused: NODE_UNKNOWN; POWER_NONE where no node at all has one.
    """
    known = world.inventory.nodes
    if unknown := sorted(set(names) - known.keys()):
        hint = f"it has: {', '.join(sorted(known))}"
        raise Refused(Code.NODE_UNKNOWN, f"there is no node {unknown[0]!r} in the inventory", hint=hint)
    found = sorted(name for name, node in known.items() if (name in names if names else node.power is not None))
    if not found:
        hint = "give nodes their field 'power' in the inventory"
        raise Refused(Code.POWER_NONE, "the inventory names no power controller of any node", hint=hint)
    return found


def _row(world: World, node: NodeName) -> dict[str, str]:
    row = {"node": str(node), "power": "unknown", "controller": "", "problem": ""}
    try:
        row["controller"] = world.power.describe(node)
        row["power"] = str(world.power.state(node))
    except StackmendError as error:
        row["problem"] = error.sentence
    return row
