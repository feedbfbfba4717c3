"""``stackmend lab break``, ``heal``, ``instances``, ``probe``: what to work on in the lab, and what to suffer there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from stackmend.errors import Code, Refused
from stackmend.lab import state
from stackmend.lab.settings import Settings, from_environment, require_root

if TYPE_CHECKING:
    from stackmend.lab.cloud import Connection

_JSON = click.option("-f", "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)


@contextmanager
def _cloud() -> Iterator[tuple[Settings, Connection]]:
    """Hand out the running lab and its cloud."""
    from stackmend.lab import cloud, credentials  # noqa: PLC0415 - the cloud's client is slow to import

    require_root()
    settings = state.recall(from_environment())
    if not (settings.state / "passwords.json").exists():
        raise Refused(Code.LAB_NOT_UP, "There is no lab", hint="Start one: stackmend lab up")
    connection = cloud.connect(settings, credentials.passwords(settings.state))
    try:
        yield settings, connection
    finally:
        connection.close()


@click.command("break")
@click.argument("fault", required=False)
@click.argument("place", metavar="[NODE|INSTANCE]", required=False)
def break_(fault: str | None, place: str | None) -> None:
    """Break something on purpose; without FAULT, list what can be broken and what is broken now."""
    from stackmend.lab import fault_table, faults  # noqa: PLC0415

    require_root()
    settings = state.recall(from_environment())
    if fault is None:
        for one in fault_table.FAULTS:
            click.echo(f"{one.name:<18} {one.where.value:<15} {one.sentence}")
        for now in faults.broken(settings):
            click.echo(f"broken now: {now.fault} on {now.place} since {now.since}")
        return
    if faults.find(fault).where is fault_table.Where.INSTANCE:
        with _cloud() as (_, connection):
            done = faults.inflict(settings, fault, place, connection)
    else:
        done = faults.inflict(settings, fault, place)
    click.echo(f"{done.fault} on {done.place}: done. Heal it: stackmend lab heal {done.fault} {done.place}")


@click.command()
@click.argument("fault", required=False)
@click.argument("place", metavar="[NODE|INSTANCE]", required=False)
def heal(fault: str | None, place: str | None) -> None:
    """Heal a fault, or everything that is broken, and wait until it works again."""
    from stackmend.lab import faults  # noqa: PLC0415

    with _cloud() as (settings, connection):
        if not faults.heal(settings, connection, fault, place, say=click.echo):
            click.echo("Nothing is broken.")


@click.group()
def instances() -> None:
    """Start, list and delete instances to work on."""


@instances.command("start")
@click.argument("node")
@click.argument("count", type=click.IntRange(1, 60), default=1)
@click.option("--busy", is_flag=True, help="They rewrite memory without end.")
@click.option("--from-volume", is_flag=True, help="Their root disk is a volume.")
@click.option("--volume", is_flag=True, help="They have a second, empty volume.")
@click.option("--ephemeral", is_flag=True, help="They have an ephemeral disk.")
def start_instances(node: str, count: int, *, busy: bool, from_volume: bool, volume: bool, ephemeral: bool) -> None:
    """Start COUNT instances on NODE and wait until they answer."""
    from stackmend.lab import instances as lab_instances  # noqa: PLC0415

    with _cloud() as (settings, connection):
        kind = lab_instances.Kind(busy, from_volume, volume, ephemeral)
        made = lab_instances.start(settings, connection, node, count, kind, say=click.echo)
        click.echo(f"{len(made)} of {count} answer ping and beat.")


@instances.command("list")
@_JSON
def list_instances(form: str) -> None:
    """List the lab's instances."""
    from stackmend.lab import instances as lab_instances  # noqa: PLC0415

    with _cloud() as (_, connection):
        found = lab_instances.list_all(connection)
    if form == "json":
        click.echo(json.dumps([asdict(one) for one in found], indent=1))
        return
    for one in found:
        click.echo(f"{one.name:<10} {one.state:<10} {one.host:<6} {one.address:<16} {one.id}")


@instances.command("delete")
@click.argument("names", nargs=-1)
def delete_instances(names: tuple[str, ...]) -> None:
    """Delete instances by name, or all of the lab's."""
    from stackmend.lab import instances as lab_instances  # noqa: PLC0415

    with _cloud() as (settings, connection):
        for one in lab_instances.delete(settings, connection, names):
            click.echo(f"{one.name} is gone")


@click.group()
def probe() -> None:
    """Ping the instances ten times a second and count what is lost."""


@probe.command("start")
def start_probe() -> None:
    """Start the prober and have it watch every instance of the lab."""
    from stackmend.lab import instances as lab_instances  # noqa: PLC0415
    from stackmend.lab import prober  # noqa: PLC0415

    with _cloud() as (settings, connection):
        prober.start(settings, connection)
        prober.watch(settings, [one.address for one in lab_instances.list_all(connection) if one.address])
        click.echo(f"{len(prober.targets(settings))} addresses are probed.")


@probe.command("stop")
def stop_probe() -> None:
    """Stop the prober."""
    from stackmend.lab import prober  # noqa: PLC0415

    require_root()
    prober.stop(state.recall(from_environment()))


@probe.command("report")
@click.option("--since", type=float, default=0.0, help="First moment that counts, seconds since 1970.")
@click.option("--until", type=float, default=None, help="Last moment that counts.  [default: now]")
@_JSON
def report_probe(since: float, until: float | None, form: str) -> None:
    """Report what was sent and lost."""
    from stackmend.lab import prober  # noqa: PLC0415

    require_root()
    found = prober.losses(state.recall(from_environment()), since, until)
    if form == "json":
        click.echo(json.dumps({address: asdict(one) for address, one in found.items()}, indent=1))
        return
    for address, one in sorted(found.items()):
        click.echo(f"{address:<16} {one.sent:>8} sent {one.lost:>6} lost   longest gap {one.longest_gap_s:.1f} s")


COMMANDS = (break_, heal, instances, probe)
"""What these commands add to ``stackmend lab``."""
