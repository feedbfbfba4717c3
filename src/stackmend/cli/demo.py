"""``stackmend lab demo``: the main job on the lab, from a bare machine to a report with the instances' own figures."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stackmend.cli.context import CloudChoice, open_world
from stackmend.domain.run import Run
from stackmend.lab.settings import Settings, from_environment, require_root

if TYPE_CHECKING:
    from stackmend.lab.beat import BeatReport
    from stackmend.lab.cloud import Connection
    from stackmend.lab.instances import DemoInstance
    from stackmend.lab.probe import ProbeCount

NODE = "c01"
COLUMNS = ("instance", "state", "home", "now on", "probes", "lost", "longest gap s", "beats missed", "restarts")


@click.command()
@click.option(
    "--instances", "count", type=click.IntRange(1, 12), default=4, show_default=True, help="How many to start."
)
def demo(count: int) -> None:
    """Bring the lab up, start instances on c01, and maintain c01 with a reboot under them."""
    from stackmend.lab import cloud, credentials, lifecycle  # noqa: PLC0415 - the cloud's client is slow to import
    from stackmend.lab.progress import Progress  # noqa: PLC0415

    require_root()
    settings = from_environment()
    lifecycle.up(settings, Progress())
    connection = cloud.connect(settings, credentials.passwords(settings.state))
    try:
        crew = _crew(settings, connection, count)
        began = time.time()
        run, status = _maintain(settings)
        _report(settings, connection, crew, began, run)
    finally:
        connection.close()
    sys.exit(status)


def _crew(settings: Settings, connection: Connection, count: int) -> Sequence[DemoInstance]:
    """Return the instances on the node; those of a former demo are used again."""
    from stackmend.lab import instances, prober  # noqa: PLC0415 - late, see demo

    present = [one for one in instances.list_all(connection) if one.host == NODE and one.state == "ACTIVE"]
    if len(present) < count:
        click.echo(f"Starting {count - len(present)} instances on {NODE}:")
        present += instances.start(settings, connection, NODE, count - len(present), say=click.echo)
    prober.start(settings, connection)
    prober.watch(settings, [one.address for one in present])
    prober.wait_for_answers(settings, [one.address for one in present])
    return present


def _maintain(settings: Settings) -> tuple[Run, int]:
    """Plan the maintenance of the node, show the plan and carry it out; return the run and the exit status."""
    from stackmend.cli import plans  # noqa: PLC0415 - late, see demo
    from stackmend.cli.wiring import actor, exit_status, open_engine  # noqa: PLC0415
    from stackmend.render.plan import show_plan  # noqa: PLC0415
    from stackmend.render.runs import show_ending  # noqa: PLC0415

    choice = _choice(settings)
    work = plans.Work(reboot=True, reason="the demo")
    with open_world(choice) as world:
        plan = plans.maintain(world, NODE, plans.Chosen(), work)
        show_plan(plan, "text")
        with open_engine(world, choice.state) as engine:
            run = engine.carry_out(engine.start(plan, actor=actor(), reason=work.reason).id)
    show_ending(run)
    return run, exit_status(run)


def _choice(settings: Settings) -> CloudChoice:
    os.environ["OS_CLIENT_CONFIG_FILE"] = str(settings.state / "clouds.yaml")
    state = os.environ.get("STACKMEND_STATE")
    return CloudChoice.of({"inventory": settings.state / "inventory.yaml", "state": Path(state) if state else None})


def _report(settings: Settings, connection: Connection, crew: Sequence[DemoInstance], began: float, run: Run) -> None:
    """Show what the instances and the cloud say, write the page, and print what to try next."""
    from stackmend.lab import beat, instances, prober  # noqa: PLC0415 - late, see demo
    from stackmend.render.output import show_rows  # noqa: PLC0415

    counts = prober.losses(settings, since=began)
    now = {one.id: one for one in instances.list_all(connection)}
    rows = []
    for one in crew:
        heard = [b for b in instances.beats(connection, one.id, lines=2000) if b.at >= began]
        rows.append(_row(one, now.get(one.id), counts.get(one.address), beat.report(heard)))
    click.echo("")
    show_rows(COLUMNS, rows, "table")
    sent, lost = sum(c.sent for c in counts.values()), sum(c.lost for c in counts.values())
    click.echo(f"{len(crew)} instances, {sent} probes sent from the tenant network, {lost} lost.")
    page = _page(settings, run, {one.name: counts[one.address] for one in crew if one.address in counts})
    click.echo(_next(settings, run, page))


def _row(
    before: DemoInstance, now: DemoInstance | None, count: ProbeCount | None, heard: BeatReport
) -> Mapping[str, Any]:
    return {
        "instance": before.name,
        "state": now.state if now else "gone",
        "home": before.host,
        "now on": now.host if now else "",
        "probes": count.sent if count else 0,
        "lost": count.lost if count else 0,
        "longest gap s": round(count.longest_gap_s, 2) if count else None,
        "beats missed": heard.missing,
        "restarts": heard.reboots,
    }


def _page(settings: Settings, run: Run, counts: Mapping[str, ProbeCount]) -> Path:
    from stackmend.engine.journal import Journal  # noqa: PLC0415 - late, see demo
    from stackmend.render.html import page  # noqa: PLC0415
    from stackmend.render.report import build  # noqa: PLC0415

    journal = Journal(_choice(settings).state)
    try:
        records = journal.records(run.id)
    finally:
        journal.close()
    probes = {name: asdict(count) for name, count in counts.items()}
    path = settings.state / f"{run.id}.html"
    path.write_text(page(build(run, records, probes)), encoding="utf-8")
    (settings.state / f"{run.id}.probes.json").write_text(json.dumps(probes), encoding="utf-8")
    return path


def _next(settings: Settings, run: Run, page: Path) -> str:
    return f"""
The page of this run: {page}
The lab is still running. Try next:
  export PATH={Path(sys.argv[0]).resolve().parent}:$PATH
  . {settings.state / "env"}
  stackmend status
  stackmend runs show {run.id}
  stackmend node drain c02 --plan
  stackmend lab break compute-wedge c01    # then: stackmend status; stackmend node verify c01
  stackmend lab heal
  stackmend lab down"""
