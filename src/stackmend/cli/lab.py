"""``stackmend lab``: a real OpenStack cloud on this machine."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

import click

from stackmend.cli import lab_faults
from stackmend.cli.demo import demo
from stackmend.lab import state
from stackmend.lab.settings import Settings, from_environment, require_root


def _there() -> Settings:
    """Return the settings of the lab that is there, which may have been made under another environment."""
    return state.recall(from_environment())


@click.group()
def lab() -> None:
    """Run a real OpenStack cloud on this machine."""


@lab.command()
@click.option("--computes", type=int, default=None, help="Number of compute nodes.  [default: 3]")
def up(computes: int | None) -> None:
    """Bring the lab up."""
    from stackmend.lab import lifecycle  # noqa: PLC0415 - the cloud's client is slow to import
    from stackmend.lab.progress import Progress  # noqa: PLC0415

    settings = from_environment(computes=computes)
    if not lifecycle.up(settings, Progress()):
        click.echo("The lab is up already.")
        if computes is not None and computes != _there().computes:
            click.echo(f"It keeps its {_there().computes} compute nodes; for {computes}, take it down first.")
    click.echo(f"The lab is up. Point programs at it: eval $(stackmend lab env)   (or: . {settings.state / 'env'})")


@lab.command()
def down() -> None:
    """Take the lab down; the cache stays."""
    from stackmend.lab import lifecycle  # noqa: PLC0415
    from stackmend.lab.progress import Progress  # noqa: PLC0415

    lifecycle.down(from_environment(), Progress())


@lab.command()
def reset() -> None:
    """Bring the lab back to the pristine cloud."""
    from stackmend.lab import lifecycle  # noqa: PLC0415
    from stackmend.lab.progress import Progress  # noqa: PLC0415

    lifecycle.reset(from_environment(), Progress())


@lab.command()
@click.option("-f", "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def status(form: str) -> None:
    """Show the lab's hosts: power, memory, whether they answer."""
    from dataclasses import asdict  # noqa: PLC0415

    from stackmend.lab import status as lab_status  # noqa: PLC0415

    require_root()
    seen = lab_status.look(from_environment())
    if form == "json":
        click.echo(json.dumps(asdict(seen), indent=2))
        return
    click.echo("The lab is up." if seen.ready else "The lab is not whole." if seen.exists else "There is no lab.")
    if seen.exists:
        click.echo(f"{'NODE':<8}{'ADDRESS':<16}{'POWER':<7}{'SSH':<6}{'SERVICE':<9}{'MEMORY':>9}")
    for host in seen.hosts:
        power, ssh, service = ("yes" if word else "no" for word in (host.power, host.ssh, host.service))
        click.echo(f"{host.node:<8}{host.address:<16}{power:<7}{ssh:<6}{service:<9}{host.memory_mb:>5} MiB")
    if seen.exists:
        click.echo("Cinder makes volumes." if seen.volumes else "Cinder makes no volumes now.")


@lab.command()
def env() -> None:
    """Print the shell lines that point programs at the lab."""
    from stackmend.lab import outputs  # noqa: PLC0415

    click.echo(outputs.environment(_there()), nl=False)


@lab.command(context_settings={"ignore_unknown_options": True})
@click.argument("node")
def ssh(node: str) -> None:
    """Log in to a node."""
    from stackmend.lab import ssh as client  # noqa: PLC0415

    require_root()
    argv = client.argv(_there(), node)
    os.execvp(argv[0], argv)  # noqa: S606


@lab.command(context_settings={"ignore_unknown_options": True})
@click.argument("node")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(node: str, command: tuple[str, ...]) -> None:
    """Run a command on a node; its exit status is this one's."""
    from stackmend.lab import ssh as client  # noqa: PLC0415

    require_root()
    # ssh hands the words to a shell there, which is not to take them apart again
    done = subprocess.run(client.argv(_there(), node, [shlex.join(command)]), check=False)
    sys.exit(done.returncode)


for _command in (demo, *lab_faults.COMMANDS):
    lab.add_command(_command)


if __name__ == "__main__":
    lab()
