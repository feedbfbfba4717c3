"""Read the disks of an instance: guard, suspend, open, read, close, resume, take the guard away."""

from __future__ import annotations

from stackmend.actions.rescue_disks import CloseDisks, OpenDisks
from stackmend.actions.rescue_guarding import ArmGuard, DisarmGuard
from stackmend.actions.rescue_reading import CopyFiles, ListFiles
from stackmend.actions.rescue_suspending import GiveBack, SuspendInstance
from stackmend.domain.instance import Instance
from stackmend.domain.plan import Plan, Step
from stackmend.domain.rescue import Guarded, RescueFacts, Wanted
from stackmend.domain.values import JsonObject, StepId
from stackmend.rules.rescue import check, must_suspend

NO_STEP = StepId("")
READS = StepId("rescue.read")
"""The step that fetches the files which are to be shown."""


def plan_rescue(facts: RescueFacts, wanted: Wanted) -> Plan:
    """Return the plan that reads an instance's disks and leaves the instance as it was.

    Raises:
        Refused: they cannot be read, or not so; nothing was touched.
    """
    suspend = must_suspend(facts)
    check(facts, wanted)
    guarded = _guarded(facts.instance)
    steps: list[Step] = []

    def then(step: Step) -> None:
        steps.append(step)

    def needs() -> tuple[StepId, ...]:
        return (steps[-1].id,) if steps else ()

    then(ArmGuard.step(guarded, wanted.limit))
    if suspend:
        then(SuspendInstance.step(guarded, needs=needs()))
    suspended = steps[-1].id
    then(OpenDisks.step(guarded, facts.disks, needs=needs()))
    if wanted.lists:
        then(ListFiles.step(guarded, wanted.lists, needs=needs()))
    if wanted.reads:
        then(CopyFiles.step(guarded, wanted.reads, wanted.scratch, id=READS, needs=needs()))
    if wanted.copies:
        then(CopyFiles.step(guarded, wanted.copies, wanted.to, needs=needs()))
    then(CloseDisks.step(guarded, needs=needs()))
    if suspend:
        then(GiveBack.step(guarded, suspended, needs=needs()))
    then(DisarmGuard.step(guarded, needs=needs()))
    return Plan(
        runbook="instance rescue",
        subject=guarded.node,  # a drain of the node must not take the instance away meanwhile
        title=f"Read the disks of {guarded.name} on {guarded.node}" + (", suspended meanwhile" if suspend else ""),
        steps=tuple(steps),
        notes=_notes(facts, wanted, suspend=suspend),
        world=_world(facts),
        options={"consent": wanted.consent, "reason": wanted.reason, "limit": wanted.limit},
    )


def plan_end(instance: Instance, wanted: Wanted) -> Plan:
    """Return the plan that ends whatever rescue of an instance was left on its node, by whichever run."""
    guarded = _guarded(instance)
    close = CloseDisks.step(guarded)
    resume = GiveBack.step(guarded, NO_STEP, needs=(close.id,))
    disarm = DisarmGuard.step(guarded, needs=(resume.id,))
    return Plan(
        runbook="instance rescue --end",
        subject=guarded.node,
        title=f"End what is left of a rescue of {guarded.name} on {guarded.node}",
        steps=(close, resume, disarm),
        options={"consent": wanted.consent, "reason": wanted.reason},
    )


def _guarded(instance: Instance) -> Guarded:
    return Guarded(instance.host, instance.id, instance.name)


def _notes(facts: RescueFacts, wanted: Wanted, *, suspend: bool) -> tuple[str, ...]:
    instance = facts.instance
    notes = [f"the kernel of {instance.host} reads the file systems of {instance.name}, which {wanted.consent} trusts"]
    if suspend:
        notes.append(
            f"{instance.name} answers nobody meanwhile; {instance.host} itself gives it back after {wanted.limit} s"
        )
    else:
        notes.append(f"{instance.name} rests and stays so; it cannot be started while its disks are open")
    return (*notes, *(f"not read: {name}" for name in facts.elsewhere))


def _world(facts: RescueFacts) -> JsonObject:
    domain = facts.domain
    return {
        "instance": f"{facts.instance.vm_state} on {facts.instance.host}",
        "domain": "none" if domain is None else domain.state,
        "disks": {disk.name: f"{disk.form} {disk.path}" for disk in facts.disks},
    }
