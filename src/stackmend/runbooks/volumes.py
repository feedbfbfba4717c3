"""Repair volumes that hang: the plan of what their diagnosis shows to be safe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from stackmend.actions.volume_complete import CompleteVolume
from stackmend.actions.volume_detach import DetachVolume
from stackmend.actions.volume_reattach import ReattachVolume
from stackmend.actions.volume_reboot import RebootForVolume
from stackmend.actions.volume_release import ReleaseVolume
from stackmend.actions.volume_reset import ResetVolume
from stackmend.domain.finding import Level
from stackmend.domain.plan import Plan, Step
from stackmend.domain.values import NodeName, StepId
from stackmend.domain.volume import Repair, VolumeCure, VolumeFinding
from stackmend.errors import Code, Refused
from stackmend.rules.volumes import repairs

LANE = "reattach"
ON_THE_INSTANCE = frozenset({Repair.DETACH, Repair.REATTACH, Repair.REBOOT})
"""Repairs that nova carries out on the instance, one after the other."""


@dataclass(frozen=True)
class Allowed:
    """What an operator wants repaired, and allows for it.

    Attributes:
        kinds: which repairs are wanted.
        settled: seconds without a change after which a passing status has stuck.
        prompt: regular expression for a console that shows that an instance has booted; empty for not to look.
        interrupt: names or ids of instances whose guests can spare a volume for a moment, or a reboot.
    """

    kinds: tuple[Repair, ...]
    settled: float
    prompt: str
    interrupt: frozenset[str] = frozenset()

    def covers(self, cure: VolumeCure) -> bool:
        """Return whether the repair may be made."""
        return not cure.interrupts or bool({cure.instance, cure.instance_name} & self.interrupt)


def plan_repair(subject: str, runbook: str, findings: Sequence[VolumeFinding], allowed: Allowed) -> Plan:
    """Return the plan that repairs volumes.

    Args:
        subject: the node or the volume that it is about.
        runbook: name of the procedure.
        findings: what was found of the volumes.
        allowed: which repairs are wanted.

    Raises:
        Refused: NOTHING_TO_REPAIR where nothing is wrong, or nothing is shown to be safe.
    """
    mine = [f for f in findings if f.cure is None or allowed.covers(f.cure)]
    cures = repairs(mine, *allowed.kinds)
    left = tuple(_left(findings, cures))
    if not cures:
        raise Refused(
            Code.NOTHING_TO_REPAIR,
            f"there is nothing to repair on {subject}" + (f": {'; '.join(left)}" if left else ""),
            hint="`stackmend volume diagnose` tells what each witness says, and what a repair needs",
        )
    steps = tuple(_step(cure, allowed) for cure in cures)
    return Plan(
        runbook=runbook,
        subject=subject,
        title=f"Repair {'one volume' if len(cures) == 1 else f'{len(cures)} volumes'} on {subject}",
        steps=_one_by_one(steps, cures),
        lanes={LANE: 1} if any(step.lane for step in steps) else {},
        notes=(*left, *_final(cures)),
        world={f"volume {c.name}": f"{c.former}, to be {c.repair}" for c in cures},
        options={"settled": allowed.settled, "prompt": allowed.prompt, "interrupt": sorted(allowed.interrupt)},
    )


def _step(cure: VolumeCure, allowed: Allowed) -> Step:
    group = (f"On {cure.node}" if cure.node else "In Cinder",)
    if cure.repair is Repair.REATTACH:
        return ReattachVolume.step(cure, allowed.settled, allowed.prompt, group=group, lane=LANE)
    if cure.repair is Repair.REBOOT:
        return RebootForVolume.step(cure, allowed.settled, group=group, lane=LANE)
    plain = {
        Repair.RESET: ResetVolume.step,
        Repair.RELEASE: ReleaseVolume.step,
        Repair.COMPLETE: CompleteVolume.step,
        Repair.DETACH: DetachVolume.step,
    }
    return plain[cure.repair](cure, allowed.settled, group=group)


def _one_by_one(steps: Iterable[Step], cures: Iterable[VolumeCure]) -> tuple[Step, ...]:
    """Return the steps, those of one instance one after the other by device name, as the guest is to see them."""
    last: dict[tuple[str, NodeName], StepId] = {}
    ordered = []
    for cure, step in sorted(
        zip(cures, steps, strict=True), key=lambda one: (one[0].node, one[0].instance_name, one[0].device)
    ):
        key = (cure.instance, cure.node)
        before = (last[key],) if cure.repair in ON_THE_INSTANCE and key in last else ()
        ordered.append(replace(step, needs=before))
        if cure.repair in ON_THE_INSTANCE:
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
        elif cure.repair is Repair.COMPLETE:
            yield f"an undo leaves the attachment of {cure.name} complete"
        elif cure.repair is Repair.REBOOT:
            yield f"the reboot of {cure.instance_name} cannot be taken back"
        elif cure.interrupts:
            yield f"{cure.instance_name} loses {cure.name} for a moment, and has to mount again what is there"
