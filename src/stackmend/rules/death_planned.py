"""What tells that a node's silence or stop is meant: a plan, a hold, a person's own stop. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from stackmend.domain.death import DeathFacts
from stackmend.domain.overview import Glance, Process
from stackmend.rules.death_signs import moment
from stackmend.rules.overview import program
from stackmend.rules.scheduling import MARK

COMPUTE = "nova-compute"


def planned(facts: DeathFacts) -> str:
    """Return why this is nobody's failure, all reasons in one sentence; empty where nothing tells so."""
    return "; ".join(_reasons(facts))


def _reasons(facts: DeathFacts) -> Iterator[str]:
    for run in facts.runs:
        yield f"run {run.id} of stackmend on it is {run.state}"
    glance, record = facts.shell.glance, facts.nova.record
    if record is not None and not record.enabled and record.reason.startswith(f"{MARK} "):
        yield f"stackmend disabled its scheduling ({record.reason})"
    if glance is not None:
        yield from _on_node(glance)


def _on_node(glance: Glance) -> Iterator[str]:
    for held in glance.held:
        why = f", {held.reason}" if held.reason else ""
        yield f"stackmend holds {held.unit} by run {held.owner} since {held.since}{why}"
    if glance.system == "stopping":
        yield "it is shutting down"
    compute = compute_of(glance)
    if compute is not None and not any(program(h.unit.removesuffix(".service")) == COMPUTE for h in glance.held):
        yield from _by_hand(compute)


def _by_hand(compute: Process) -> Iterator[str]:
    if compute.active == "inactive" and compute.result == "success" and compute.ended is not None:
        yield f"{compute.unit} was stopped cleanly by hand (as by systemctl stop), since {moment(compute.ended)}"
    elif compute.active == "deactivating":
        yield f"{compute.unit} is being stopped"


def compute_of(glance: Glance) -> Process | None:
    """Return the unit of nova-compute, whoever packaged it; None where the node has none."""
    return next((p for p in glance.processes if program(p.unit) == COMPUTE), None)
