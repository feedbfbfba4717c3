"""Repair volumes that hang: the plan of what their diagnosis shows to be safe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from stackmend.actions.volume_reattach import ReattachVolume
from stackmend.actions.volume_release import ReleaseVolume
from stackmend.actions.volume_reset import ResetVolume
from stackmend.domain.finding import Level
from stackmend.domain.plan import Plan, Step
from stackmend.domain.values import NodeName, StepId
from stackmend.domain.volume import Repair, VolumeCure, VolumeFinding
from stackmend.errors import Code, Refused
from stackmend.rules.volumes import repairs

LANE = "reattach"


def plan_repair(
    subject: str, runbook: str, findings: Sequence[VolumeFinding], *kinds: Repair, settled: float, prompt: str
) -> Plan:
    """Return the plan that repairs volumes.

    Args:
        subject: the node or the volume that it is about.
        runbook: name of the procedure.
        findings: what was found of the volumes.
        kinds: which repairs are wanted.
        settled: seconds without a change after which a passing status has stuck.
        prompt: regular expression for a console that shows that an instance has booted; empty for not to look.

    Raises:
        Refused: NOTHING_TO_REPAIR where nothing is wrong, or nothing is shown to be safe.
    """
    cures = repairs(findings, *kinds)
    left = tuple(_left(findings, cures))
    if not cures:
        raise Refused(
            Code.NOTHING_TO_REPAIR,
            f"there is nothing to repair on {subject}" + (f": {'; '.join(left)}" if left else ""),
            hint="`stackmend volume diagnose` tells what each witness says",
        )
    steps = tuple(_step(cure, settled, prompt) for cure in cures)
    return Plan(
        runbook=runbook,
        subject=subject,
        title=f"Repair {'one volume' if len(cures) == 1 else f'{len(cures)} volumes'} on {subject}",
        steps=_one_by_one(steps, cures),
        lanes={LANE: 1} if any(cure.repair is Repair.REATTACH for cure in cures) else {},
        notes=(*left, *_final(cures)),
        world={f"volume {c.name}": f"{c.former}, to be {c.repair}" for c in cures},
        options={"settled": settled, "prompt": prompt},
    )


def _step(cure: VolumeCure, settled: float, prompt: str) -> Step:
    group = (f"On {cure.node}" if cure.node else "In Cinder",)
    if cure.repair is Repair.RESET:
        return ResetVolume.step(cure, settled, group=group)
    if cure.repair is Repair.RELEASE:
        return ReleaseVolume.step(cure, settled, group=group)
    return ReattachVolume.step(cure, settled, prompt, group=group, lane=LANE)


def _one_by_one(steps: Iterable[Step], cures: Iterable[VolumeCure]) -> tuple[Step, ...]:
    """Return the steps, those of one instance one after the other by device name, as the guest is to see them."""
    last: dict[tuple[str, NodeName], StepId] = {}
    ordered = []
    for cure, step in sorted(
        zip(cures, steps, strict=True), key=lambda one: (one[0].node, one[0].instance_name, one[0].device)
    ):
        key = (cure.instance, cure.node)
        before = (last[key],) if cure.repair is Repair.REATTACH and key in last else ()
        ordered.append(replace(step, needs=before))
        if cure.repair is Repair.REATTACH:
            last[key] = step.id
    return tuple(ordered)


def _left(findings: Iterable[VolumeFinding], cures: Sequence[VolumeCure]) -> Iterator[str]:
    """Yield a note on each finding that is left alone."""
    for found in findings:
        if found.finding.level is not Level.OK and found.cure not in cures:
            yield f"{found.finding.code}: {found.finding.sentence}"


def _final(cures: Iterable[VolumeCure]) -> Iterator[str]:
    for cure in cures:
        if cure.repair is Repair.RELEASE and cure.attachment_status != "reserved":
            yield f"the attachment of {cure.name} to {cure.instance_name} is not made again by an undo"
