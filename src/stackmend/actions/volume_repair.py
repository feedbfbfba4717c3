"""What the repairs of a volume share: the proof right before one, the step, and reading back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Unpack

from stackmend.actions.base import Context
from stackmend.actions.steps import Place
from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.finding import Finding, Level
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.values import StepId
from stackmend.domain.volume import Attachment, Volume, VolumeCure, VolumeFacts, VolumeFinding
from stackmend.errors import Code, Failed
from stackmend.facts import volume_gathering, volumes
from stackmend.rules.volumes import judge

READ_BACK_SECONDS = 60.0


def repair_step(
    action: str,
    title: str,
    cure: VolumeCure,
    settled: float,
    commands: tuple[str, ...],
    more: dict[str, Any] | None = None,
    **place: Unpack[Place],
) -> Step:
    """Return the step of a repair; its parameters are the cure and the seconds after which a status has stuck."""
    return Step(
        id=place.get("id", StepId(f"{action}/{cure.volume}")),
        action=action,
        title=title,
        params={"cure": cure.to_json(), "settled": settled, **(more or {})},
        commands=commands,
        needs=place.get("needs", ()),
        group=place.get("group", ()),
        lane=place.get("lane", ""),
    )


def decide(world: World, params: dict[str, Any], context: Context) -> Do | Skip:
    """Ask every witness again, and decide on the repair only where they still show it to be safe.

    Raises:
        Failed: VOLUME_CHANGED where they say something else by now.
    """
    cure = VolumeCure.from_json(params["cure"])
    facts = _facts(world, cure)
    found = judge(facts, now=world.clock.now(), settled=params["settled"])
    same = next((f for f in found if f.cure == cure), None)
    if same is not None:
        return Do(cure.to_json(), same.finding.sentence)
    well = all(f.finding.level is Level.OK for f in found)
    if context.former_change is not None and (well or _half_done(facts, found, cure)):
        return Do(dict(context.former_change), f"{cure.name} was being repaired: the repair is brought to its end")
    if well:
        return Skip(f"{found[0].finding.sentence}: nothing is left to repair")
    worst = found[0].finding
    raise Failed(
        Code.VOLUME_CHANGED,
        f"{worst.sentence}; that is not what the repair was planned for",
        hint=f"retry when it has come to rest, or look again: `stackmend volume diagnose {cure.volume}`",
        evidence=dict(worst.evidence),
    )


def read_back(
    world: World, cure: VolumeCure, receipt: Receipt, wrong: Callable[[Finding], bool] = lambda _: True
) -> Receipt:
    """Ask every witness of the volume until all agree, or what they disagree on is not ``wrong``.

    Raises:
        Failed: VOLUME_NOT_MENDED where they do not in time.
    """
    last: list[Finding] = []

    def ask() -> Receipt | None:
        found = [f.finding for f in _judged(world, cure, 0.0)]
        last[:] = [f for f in found if f.level is not Level.OK and wrong(f)]
        return None if last else receipt

    mended = world.clock.wait_for(ask, timeout=READ_BACK_SECONDS, interval=2.0)
    if mended is None:
        raise Failed(Code.VOLUME_NOT_MENDED, last[0].sentence, hint=last[0].hint, evidence=dict(last[0].evidence))
    return mended


def _half_done(facts: VolumeFacts, found: Iterable[VolumeFinding], cure: VolumeCure) -> bool:
    """Return whether what is wrong can be our own half of a repair: every witness spoke, and of that instance alone."""
    doubtful = any(f.finding.level is Level.UNKNOWN for f in found)
    users = {a.instance for a in facts.attachments} | {m.instance for m in facts.mappings}
    users |= {d.instance for d in facts.disks}
    return not doubtful and bool(cure.instance) and users <= {cure.instance}


def _judged(world: World, cure: VolumeCure, settled: float) -> tuple[VolumeFinding, ...]:
    return judge(_facts(world, cure), now=world.clock.now(), settled=settled)


def _facts(world: World, cure: VolumeCure) -> VolumeFacts:
    return patiently(world.clock, lambda: volume_gathering.of_volume(world, cure.volume))


def reset(world: World, volume: str, status: str, attached: str = "") -> None:
    """Write Cinder's status of a volume, and whether it counts as ``attached`` or ``detached``; empty leaves that."""
    body = {"status": status, **({"attach_status": attached} if attached else {})}
    world.openstack.post(
        volumes.CINDER, f"/volumes/{volume}/action", {"os-reset_status": body}, version=volumes.CINDER_VERSION
    )


def look(world: World, volume: str) -> tuple[Volume, tuple[Attachment, ...]]:
    """Return Cinder's record of a volume and its attachments.

    Raises:
        Failed: VOLUME_CHANGED where Cinder has it no more.
    """
    records = patiently(world.clock, lambda: volumes.of_volume(world, volume))
    if not records.volumes:
        raise Failed(Code.VOLUME_CHANGED, f"Cinder has no volume {volume} any more: somebody deleted it")
    return records.volumes[0], records.attachments
