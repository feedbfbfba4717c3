"""A cloud at a glance, as a table with what needs a look below it, or as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from stackmend.domain.overview import NodeRow, Overview, ServiceRow, ServiceState
from stackmend.render.output import STYLES, data_of, show_data, show_rows

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

COLUMNS = ("node", "roles", "services", "instances", "held", "reachable")


def show_status(overview: Overview, form: str) -> None:
    """Write an overview to standard output as table, json, yaml or csv."""
    if form == "table":
        from stackmend.render.console import console  # noqa: PLC0415 - late: rich is slow to import

        console().print(as_renderable(overview))
    elif form == "csv":
        show_rows(COLUMNS, [_row(node) for node in overview.nodes], form)
    else:
        show_data(data_of(overview), form)


def as_renderable(overview: Overview) -> Group:
    """Return the table and the lines below it, for a terminal."""
    from rich import box  # noqa: PLC0415 - late: rich is slow to import
    from rich.console import Group  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for heading in ("node", "roles", "services", "instances"):
        table.add_column(heading, overflow="fold")
    for node in overview.nodes:
        table.add_row(node.node, ", ".join(node.roles), _services(node), _counts(node.instances))
    lines = [Text.assemble((f"{word} ", STYLES.get(word, "")), sentence) for word, sentence in remarks(overview)]
    return Group(Text(headline(overview), style="bold"), table, *lines)


def headline(overview: Overview) -> str:
    """Return the first line: the cloud, when it was seen, and by which ways."""
    seen: dict[str, list[str]] = {}
    for subject, way in overview.ways.items():
        seen.setdefault(way, []).append(subject)
    ways = "; ".join(f"{' and '.join(subjects)} by {way}" for way, subjects in seen.items())
    return f"{overview.cloud} at {overview.at:%Y-%m-%d %H:%M:%S} UTC: {ways or 'no service answered'}"


def remarks(overview: Overview) -> Iterator[tuple[str, str]]:
    """Yield what needs a look, each as a word that tells its kind and a sentence."""
    for node in overview.nodes:
        for service in node.services:
            yield from _remarks_on(node, service)
        for held in node.held:
            why = f", {held.reason}" if held.reason else ""
            yield "held", f"{held.unit} on {node.node} by run {held.owner} since {held.since}{why}"
        yield from (("rescue", sentence) for sentence in node.rescues)
        if node.silent:
            yield "silent", f"{node.node}: {node.silent}"
    if overview.lost:
        yield "placed nowhere", f"{_counts(overview.lost)}"
    for run in overview.runs:
        yield run.state, f"run {run.id} on {run.subject}: {run.sentence}"
    for sentence in overview.unseen:
        yield "unseen", sentence


def _remarks_on(node: NodeRow, service: ServiceRow) -> Iterator[tuple[str, str]]:
    if service.state is not ServiceState.UP:
        beat = f" (last heartbeat {service.heartbeat:%H:%M:%S} UTC)" if service.heartbeat else ""
        yield service.state, f"{service.name} on {node.node}: {service.sentence}{beat}"
    if not service.enabled:
        yield "disabled", f"{service.name} on {node.node}: {service.reason or 'no reason was given'}"


def _services(node: NodeRow) -> Text:
    """Return the services that are not well by name, and how many are."""
    from rich.text import Text  # noqa: PLC0415

    others = [(f"{s.name} {s.state}", STYLES.get(s.state, "")) for s in node.services if s.state is not ServiceState.UP]
    disabled = [(f"{s.name} disabled", "yellow") for s in node.services if not s.enabled]
    well = len(node.services) - len(others)
    parts = others + disabled + ([(f"{well} up", STYLES["up"])] if well else [])
    return Text(", ").join(Text(*part) for part in parts)


def _row(node: NodeRow) -> Mapping[str, Any]:
    return {
        "node": node.node,
        "roles": node.roles,
        "services": [f"{s.name} {s.state}{'' if s.enabled else ' disabled'}" for s in node.services],
        "instances": _counts(node.instances),
        "held": [held.unit for held in node.held],
        "reachable": not node.silent,
    }


def _counts(states: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in states.items())
