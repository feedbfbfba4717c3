"""Seeing, by every witness that can speak, that an instance of a fenced node has arrived on another one."""

from __future__ import annotations

from typing import Protocol

from stackmend.actions.base import Context
from stackmend.actions.fenced import runs_not
from stackmend.adapters.world import World
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, Failed
from stackmend.facts import volumes_seen
from stackmend.facts.location import witnesses
from stackmend.rules.location import REQUIRED, Verdict, locate, without_fenced

AGREE_SECONDS = 60.0
RECORDED_SECONDS = 30.0


class Arrival(Protocol):
    """An instance's way from a fenced node to another."""

    @property
    def instance(self) -> InstanceId:
        """Its id."""

    @property
    def name(self) -> str:
        """For sentences."""

    @property
    def source(self) -> NodeName:
        """The fenced node."""

    @property
    def target(self) -> NodeName:
        """Where it should be."""

    @property
    def fence(self) -> str:
        """The step of the run that proved the source fenced."""

    @property
    def volumes(self) -> tuple[str, ...]:
        """Ids of the volumes it had attached."""


def see_arrived(world: World, way: Arrival, context: Context) -> str:
    """Ask every witness that can speak until all agree on the target, and that its volumes are there.

    Returns:
        What they say, as a sentence.

    Raises:
        Failed: WITNESSES_DISAGREE where they do not in time, or a volume is missing, or the source runs it.
    """
    verdict = _agreed(world, way, context)
    if verdict.place != way.target:
        raise Failed(
            Code.WITNESSES_DISAGREE,
            f"{way.name} should be on {way.target}, but {verdict.sentence}",
            hint="look at each of them; nothing was repaired; retry asks them again",
            evidence={f"witness {n}": says for n, says in enumerate(verdict.dissent, 1)},
        )
    volumes = _volumes(world, way)
    gone = runs_not(world, way.source, way.fence, way.instance, context)
    return f"{way.name} is on {way.target}: {verdict.sentence}; {gone}{volumes}"


def see_recorded(world: World, way: Arrival, context: Context) -> None:
    """Ask nova, placement, neutron and the migration record, but no libvirt, until none names another node.

    Raises:
        Failed: WITNESSES_DISAGREE where one does, or can't be asked, in time.
    """
    last: list[str] = []

    def agreed() -> bool | None:
        heard = witnesses(world, way.instance, ())
        last[:] = [
            w.silent or w.says
            for w in heard
            if w.silent or set(w.places) - {way.target} or (w.name in REQUIRED and not w.places)
        ]
        context.progress("; ".join(last) or f"{way.name} is on {way.target} by every record")
        return None if last else True

    if world.clock.wait_for(agreed, timeout=RECORDED_SECONDS, interval=1.0) is None:
        raise Failed(
            Code.WITNESSES_DISAGREE,
            f"{way.name} should be on {way.target} by every record, but {'; '.join(last)}",
            hint="look at each of them; retry asks them again",
            evidence={f"witness {n}": says for n, says in enumerate(last, 1)},
        )


def _agreed(world: World, way: Arrival, context: Context) -> Verdict:
    """Ask until the witnesses agree on the target; the last verdict where they do not in time."""
    last: list[Verdict] = []

    def ask() -> Verdict | None:
        verdict = locate(without_fenced(witnesses(world, way.instance, (way.target,)), way.source))
        last[:] = [verdict]
        if verdict.place == way.target:
            return verdict
        context.progress(f"{way.name}: {verdict.sentence}")
        return None

    return world.clock.wait_for(ask, timeout=AGREE_SECONDS, interval=1.0) or last[0]


def _volumes(world: World, way: Arrival) -> str:
    """Return what is to be said of its volumes; raise ``Failed`` where one is missing in libvirt's view."""
    if not way.volumes:
        return ""
    present = volumes_seen.in_domain(world, way.target, way.instance)
    missing = sorted(set(way.volumes) - present)
    if missing:
        raise Failed(
            Code.WITNESSES_DISAGREE,
            f"{way.name} is on {way.target}, but libvirt has no disk there for its volumes {', '.join(missing)}",
            hint="see the volumes' attachments; retry looks again",
            evidence={"instance": way.instance},
        )
    return f"; libvirt has its {len(way.volumes)} volumes"
