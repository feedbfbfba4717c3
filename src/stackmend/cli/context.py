"""What every command on a cloud shares: which cloud, which inventory, where stackmend keeps its own state."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from stackmend.adapters.world import World

F = TypeVar("F", bound=Callable[..., Any])

INVENTORY = "inventory.yaml"


def rows_option(command: F) -> F:
    """Add ``--format``, as ``form``, to a command that lists something."""
    formats = click.Choice(["table", "json", "yaml", "csv"])
    return click.option(
        "-f", "--format", "form", type=formats, default="table", show_default=True, help="Of the output."
    )(command)


def text_option(of: str) -> Callable[[F], F]:
    """Return what adds ``--format``, text or JSON, as ``form``, to a command; ``of`` is its help."""
    formats = click.Choice(["text", "json"])
    return click.option("-f", "--format", "form", type=formats, default="text", show_default=True, help=of)


def cloud_options(command: F) -> F:
    """Add the options that choose a cloud: ``--cloud``, ``--inventory`` and ``--state``; see ``CloudChoice.of``."""
    for option in (
        click.option(
            "--state",
            type=click.Path(file_okay=False, path_type=Path),
            envvar="STACKMEND_STATE",
            show_envvar=True,
            help="Directory of runs and their journals; ~/.local/state/stackmend if not given.",
        ),
        click.option(
            "--inventory",
            type=click.Path(path_type=Path),
            envvar="STACKMEND_INVENTORY",
            show_envvar=True,
            help="Nodes of the cloud; ~/.config/stackmend/inventory.yaml if not given.",
        ),
        click.option(
            "--cloud",
            metavar="NAME",
            default="",
            envvar="OS_CLOUD",
            show_envvar=True,
            help="Name in clouds.yaml; the inventory's own if not given.",
        ),
    ):
        command = option(command)
    return command


@dataclass(frozen=True)
class CloudChoice:
    """A cloud as the command line names it.

    Attributes:
        cloud: name in ``clouds.yaml``; empty for the inventory's own.
        inventory: path of the inventory.
        state: directory of stackmend's own state.
    """

    cloud: str
    inventory: Path
    state: Path

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> CloudChoice:
        """Return the choice from the values of ``cloud_options``; other values are left aside."""
        config = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "stackmend"
        state = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "stackmend"
        return cls(
            cloud=options.get("cloud") or "",
            inventory=options.get("inventory") or config / INVENTORY,
            state=options.get("state") or state,
        )


@contextmanager
def open_world(choice: CloudChoice, *, read_seconds: float = 30.0, power_seconds: float = 10.0) -> Iterator[World]:
    """Give the world of a cloud, and close it at the end. Nothing outside is asked before it is needed.

    Args:
        choice: which cloud.
        read_seconds: how long an API may take to answer a read.
        power_seconds: how long a power controller may take to answer a request.

    Raises:
        Refused: INVENTORY_MISSING, INVENTORY_MALFORMED.
        UsageError: the inventory is another cloud's.
    """
    from stackmend.adapters.clock import Clock  # noqa: PLC0415 - late: --help needs none of these
    from stackmend.adapters.database import Databases  # noqa: PLC0415
    from stackmend.adapters.openstack import OpenStack  # noqa: PLC0415
    from stackmend.adapters.power import PowerControl  # noqa: PLC0415
    from stackmend.adapters.ssh import Ssh  # noqa: PLC0415
    from stackmend.adapters.world import World  # noqa: PLC0415
    from stackmend.inventory.loader import load  # noqa: PLC0415

    quiet_libraries()
    inventory = load(choice.inventory, choice.cloud)
    ssh = Ssh(inventory.nodes)
    world = World(
        inventory,
        OpenStack(inventory.cloud, read_seconds=read_seconds),
        ssh,
        Databases(inventory, ssh),
        PowerControl(inventory.nodes, seconds=power_seconds),
        Clock(),
    )
    try:
        yield world
    finally:
        world.close()


def quiet_libraries() -> None:
    """Keep the libraries' warnings off the screen; what matters of them is said in our own errors."""
    logging.getLogger().addHandler(logging.NullHandler())
