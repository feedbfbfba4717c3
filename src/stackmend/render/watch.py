"""A watch over the compute nodes: one line an event, for people or as JSON."""

from __future__ import annotations

import json
from typing import Any

from stackmend.domain.watch import Act, Change, Event, Stage, Watching, Wave
from stackmend.render.output import data_of

_ACTS = {
    Stage.LEFT: "not acting on {node}",
    Stage.BEGUN: "acting on {node}",
    Stage.DONE: "acted on {node}",
    Stage.PAUSED: "acting on {node} stopped",
}


def show_event(event: Event, form: str) -> None:
    """Write an event to standard output at once, as ``text`` or as one ``json`` object."""
    if form == "json":
        print(json.dumps(as_data(event), ensure_ascii=False), flush=True)
    else:
        print(f"{event.at:%Y-%m-%d %H:%M:%S} UTC  {in_words(event)}", flush=True)


def as_data(event: Event) -> dict[str, Any]:
    """Return an event as JSON-ready data; ``event`` names its kind."""
    kind = "wave-over" if isinstance(event, Wave) and event.over else type(event).__name__.lower()
    data = data_of(event)
    if isinstance(event, Change):
        found = data.pop("found")
        data |= {key: found[key] for key in ("condition", "sentence", "planned", "findings", "signs")}
    return {"event": kind, **data}


def in_words(event: Event) -> str:
    """Return an event as a line for people."""
    if isinstance(event, Watching):
        nodes = "1 compute node" if len(event.nodes) == 1 else f"{len(event.nodes)} compute nodes"
        return f"watching {nodes} of {event.cloud} every {event.interval:g} s; up: {event.up}" + _acts_on(event)
    if isinstance(event, Wave):
        return _wave(event)
    if isinstance(event, Act):
        return _ACTS[event.stage].format(node=event.node) + f": {event.sentence}"
    found = event.found
    was = f" (was {event.former})" if event.former is not None else ""
    planned = f"; planned: {found.planned}" if found.planned else ""
    remarks = "".join(f"; {finding.level}: {finding.sentence}" for finding in found.findings)
    return f"{event.node} {found.condition}{was}: {found.sentence}{planned}{remarks}"


def _acts_on(watching: Watching) -> str:
    if not watching.act_on:
        return ""
    share = f"{watching.most} of {len(watching.nodes)} nodes ({watching.max_share:g} %)"
    without = "".join(f"; {node} has no power controller and is not acted on" for node in watching.unfenceable)
    return (
        f"; found dead, these are recovered: {', '.join(watching.act_on)}, while no more than {share} are down"
        + without
    )


def _wave(wave: Wave) -> str:
    share = f"{len(wave.nodes)} of {wave.watched} nodes"
    if wave.over:
        return f"wave over: {share} failed" + (f" ({', '.join(wave.nodes)})" if wave.nodes else "")
    return f"wave: {share} failed at once ({', '.join(wave.nodes)}): a network fault until proved otherwise"
