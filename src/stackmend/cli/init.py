"""``stackmend init``: write an inventory from the cloud itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stackmend.cli.context import CloudChoice, cloud_options, quiet_libraries
from stackmend.errors import Code, UsageError

if TYPE_CHECKING:
    from stackmend.domain.node import Inventory, SshAccess


@click.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="File to write, - for standard output; the place of --inventory if not given.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--user", default="root", show_default=True, help="Login name on the nodes.")
@click.option("--port", type=click.IntRange(1, 65535), default=22, show_default=True, help="TCP port of SSH.")
@click.option("--key", type=click.Path(dir_okay=False), default="", help="Private key; the agent's if not given.")
@click.option("--known-hosts", type=click.Path(dir_okay=False), default="", help="File of the nodes' host keys.")
@click.option("--jump", metavar="USER@HOST:PORT", default="", help="Jump host.")
@click.option("--sudo", is_flag=True, help="Run commands by 'sudo -n'.")
@cloud_options
def init(*, output: Path | None, force: bool, **asked: Any) -> None:
    """Write an inventory from what nova and neutron know of their nodes.

    Roles that they do not know (database, messaging, storage) are yours to add.
    """
    choice = CloudChoice.of(asked)
    if not choice.cloud:
        raise UsageError(Code.USAGE, "which cloud?", hint="name it by --cloud or OS_CLOUD, as in clouds.yaml")
    target = output or choice.inventory
    if target != Path("-") and target.exists() and not force:
        raise UsageError(
            Code.USAGE, f"{target} is there already", hint="write over it by --force, or elsewhere by --output"
        )
    inventory = _discover(choice.cloud, _access(asked))
    from stackmend.inventory.writer import render  # noqa: PLC0415 - late: --help does without it

    text = render(inventory)
    if target == Path("-"):
        sys.stdout.write(text)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    click.echo(f"wrote {target}: {len(inventory.nodes)} nodes; look through it, then: stackmend status")


def _access(asked: dict[str, Any]) -> SshAccess:
    from stackmend.domain.node import SshAccess  # noqa: PLC0415

    paths = {
        name: str(Path(asked[name]).expanduser().absolute()) if asked[name] else "" for name in ("key", "known_hosts")
    }
    return SshAccess("", asked["user"], asked["port"], **paths, jump=asked["jump"], sudo=asked["sudo"])


def _discover(cloud: str, access: SshAccess) -> Inventory:
    from stackmend.adapters.clock import Clock  # noqa: PLC0415 - late: --help needs none of these
    from stackmend.adapters.database import Databases  # noqa: PLC0415
    from stackmend.adapters.openstack import OpenStack  # noqa: PLC0415
    from stackmend.adapters.power import PowerControl  # noqa: PLC0415
    from stackmend.adapters.ssh import Ssh  # noqa: PLC0415
    from stackmend.adapters.world import World  # noqa: PLC0415
    from stackmend.domain.node import Inventory  # noqa: PLC0415
    from stackmend.facts.discovery import nodes  # noqa: PLC0415

    quiet_libraries()
    nothing = Inventory(cloud, {})
    ssh = Ssh({})
    world = World(nothing, OpenStack(cloud), ssh, Databases(nothing, ssh), PowerControl({}), Clock())
    try:
        return Inventory(cloud, {node.name: node for node in nodes(world, access)})
    finally:
        world.close()
