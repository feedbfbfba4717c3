"""``stackmend runs``: look at runs, and decide on those that wait."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stackmend.cli.context import CloudChoice, cloud_options, rows_option
from stackmend.errors import Code, UsageError

if TYPE_CHECKING:
    from stackmend.domain.run import Run
    from stackmend.domain.values import RunId, StepId
    from stackmend.engine.engine import Engine
    from stackmend.engine.reading import Runs

LIST_LIMIT = 20


@click.group()
def runs() -> None:
    """Look at runs, and decide on those that wait for a person."""


@runs.command(name="list")
@click.option("--all", "every", is_flag=True, help=f"All of them, not the latest {LIST_LIMIT}.")
@click.option("--open", "open_only", is_flag=True, help="Only those that may go on.")
@rows_option
@cloud_options
def list_(*, every: bool, open_only: bool, form: str, **asked: Any) -> None:
    """List runs, the newest first."""
    from stackmend.render.runs import show_runs  # noqa: PLC0415 - late: rich is slow to import

    with _reading(asked) as found:
        show_runs(found.latest(limit=None if every else LIST_LIMIT, open_only=open_only), form)


@runs.command()
@click.argument("run", metavar="RUN")
@rows_option
@click.option("--html", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write a page instead.")
@click.option(
    "--probes",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="JSON for the page: sent, lost and longest_gap_s by instance.",
)
@cloud_options
def show(run: str, form: str, html: Path | None, probes: Path | None, **asked: Any) -> None:
    """Show RUN: its steps, what they said, and what to type next; or write it as one HTML page."""
    with _reading(asked) as found:
        one = found.find(run)
        if html is not None:
            _write_page(found, one, html, probes)
            return
        from stackmend.render.runs import show_run  # noqa: PLC0415 - late: rich is slow to import

        show_run(found.get(one), form)


@runs.command()
@click.argument("run", metavar="RUN")
@cloud_options
def resume(run: str, **asked: Any) -> None:
    """Go on with RUN: what was killed is taken up, what failed is tried again, an undo goes on."""
    _carry_on(run, asked, lambda engine, one: engine.resume(one.id))


@runs.command()
@click.argument("run", metavar="RUN")
@click.argument("step", metavar="STEP")
@click.option("--mode", type=click.Choice(["cold", "live", "force-complete"]), help="How to move an instance.")
@cloud_options
def retry(run: str, step: str, mode: str | None, **asked: Any) -> None:
    """Try STEP of RUN again, decided anew, and go on. The beginning or the end of its id is enough."""
    options = {"mode": mode} if mode else {}
    _carry_on(run, asked, lambda engine, one: engine.retry(one.id, _step(one, step), options))


@runs.command()
@click.argument("run", metavar="RUN")
@click.argument("step", metavar="STEP")
@cloud_options
def skip(run: str, step: str, **asked: Any) -> None:
    """Leave STEP of RUN as it is, and go on with what needs it."""
    from stackmend.cli.wiring import actor  # noqa: PLC0415 - late: it imports the engine

    _carry_on(run, asked, lambda engine, one: engine.skip(one.id, _step(one, step), actor=actor()))


@runs.command()
@click.argument("run", metavar="RUN")
@cloud_options
def undo(run: str, **asked: Any) -> None:
    """Take back, in reverse order, what RUN changed."""
    _carry_on(run, asked, lambda engine, one: engine.undo(one.id))


@runs.command()
@click.argument("run", metavar="RUN")
@cloud_options
def abort(run: str, **asked: Any) -> None:
    """Close RUN as it is, and say which changes are left."""
    from stackmend.cli.wiring import actor, open_journal  # noqa: PLC0415 - late: they import the engine
    from stackmend.engine.closing import abort as close  # noqa: PLC0415
    from stackmend.engine.reading import Runs  # noqa: PLC0415
    from stackmend.render.runs import show_left  # noqa: PLC0415

    journal = open_journal(CloudChoice.of(asked).state)
    try:
        one = Runs(journal).find(run)
        show_left(one, close(journal, one, actor=actor()))
    finally:
        journal.close()


def _carry_on(run: str, asked: Mapping[str, Any], how: Callable[[Engine, Run], Run]) -> None:
    from stackmend.cli.context import open_world  # noqa: PLC0415 - late: they import every client
    from stackmend.cli.wiring import exit_status, open_engine  # noqa: PLC0415
    from stackmend.render.runs import show_ending  # noqa: PLC0415

    with _reading(asked) as found:
        one = found.get(found.find(run))
    choice = CloudChoice.of(asked)
    with open_world(choice) as world, open_engine(world, choice.state) as engine:
        ended = how(engine, one)
    show_ending(ended)
    sys.exit(exit_status(ended))


def _step(run: Run, text: str) -> StepId:
    from stackmend.engine.reading import find_step  # noqa: PLC0415 - late: it imports the engine

    return find_step(run.plan, text)


@contextmanager
def _reading(asked: Mapping[str, Any]) -> Iterator[Runs]:
    from stackmend.engine.journal import Journal  # noqa: PLC0415 - late: it imports SQLite
    from stackmend.engine.reading import Runs  # noqa: PLC0415

    journal = Journal(CloudChoice.of(asked).state)
    try:
        yield Runs(journal)
    finally:
        journal.close()


def _write_page(found: Runs, run: RunId, path: Path, probes: Path | None) -> None:
    from stackmend.render.html import page  # noqa: PLC0415 - late: only this command needs it
    from stackmend.render.report import build  # noqa: PLC0415

    text = page(build(found.get(run), found.records(run), _read_probes(probes) if probes else {}))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(Code.USAGE, f"{path} cannot be written: {error.strerror}", hint="name another file") from error
    click.echo(f"wrote {path}")


def _read_probes(path: Path) -> Mapping[str, Mapping[str, Any]]:
    try:
        probes = json.loads(path.read_text())
        if all({"sent", "lost"} <= set(counts) for counts in probes.values()):
            return probes  # type: ignore[no-any-return]
    except (ValueError, AttributeError, TypeError):
        pass  # said below, for whatever is wrong with it
    raise UsageError(
        Code.USAGE,
        f"{path} does not hold probes by instance",
        hint='it should read {"INSTANCE": {"sent": 100, "lost": 0, "longest_gap_s": 0.0}}',
    )
