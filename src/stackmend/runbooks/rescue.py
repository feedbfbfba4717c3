"""Read the disks of an instance: guard, suspend or pause, open, read, close, resume, take the guard away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from stackmend.actions.rescue_disks import CloseDisks, OpenDisks
from stackmend.actions.rescue_guarding import ArmGuard, DisarmGuard
from stackmend.actions.rescue_pausing import PauseInstance, UnpauseInstance
from stackmend.actions.rescue_reading import CopyFiles, ListFiles
from stackmend.actions.rescue_shell import OpenShell
from stackmend.actions.rescue_suspending import GiveBack, SuspendInstance
from stackmend.domain.instance import Instance
from stackmend.domain.plan import Plan, Step
from stackmend.domain.rescue import Guarded, Opening, Reader, RescueFacts, Rest, Wanted
from stackmend.domain.values import JsonObject, StepId
from stackmend.rules.rescue import choose, rest

_MEANWHILE = {Rest.SUSPEND: ", suspended meanwhile", Rest.PAUSE: ", paused meanwhile", Rest.ALREADY: ""}
Maker = Callable[..., Step]
NO_STEP = StepId("")
READS = StepId("rescue.read")
"""The step that fetches the files which are to be shown."""


def plan_rescue(facts: RescueFacts, wanted: Wanted) -> Plan:
    """Return the plan that reads an instance's disks and leaves the instance as it was.

    Raises:
        Refused: they cannot be read, or not so; nothing was touched.
    """
    by = rest(facts)
    reader = choose(facts, wanted)
    guarded = _guarded(facts.instance)
    opening = Opening(reader, facts.tools.appliance.settings, share=by is Rest.PAUSE)
    before, after = _resting(guarded, by)
    makers: list[Maker] = [
        partial(ArmGuard.step, guarded, wanted.limit),
        *before,
        partial(OpenDisks.step, guarded, facts.disks, opening),
        *_reading(guarded, wanted, reader),
        partial(CloseDisks.step, guarded),
        *after,
        partial(DisarmGuard.step, guarded),
    ]
    return Plan(
        runbook="instance rescue",
        subject=guarded.node,  # a drain of the node must not take the instance away meanwhile
        title=f"Read the disks of {guarded.name} on {guarded.node}" + _MEANWHILE[by],
        steps=_chain(makers),
        notes=_notes(facts, wanted, reader, by),
        world=_world(facts),
        options={"consent": wanted.consent, "reason": wanted.reason, "limit": wanted.limit, "way": reader.value},
    )


def plan_end(instance: Instance, wanted: Wanted, *, silence: str = "") -> Plan:
    """Return the plan that ends whatever rescue of an instance was left on its node, by whichever run.

    Args:
        instance: whose.
        wanted: who wants it, and why.
        silence: why nova cannot be asked: then only one that libvirt has paused can be given back.
    """
    guarded = _guarded(instance)
    makers: list[Maker] = [partial(CloseDisks.step, guarded), partial(UnpauseInstance.step, guarded)]
    if not silence:
        makers.append(partial(GiveBack.step, guarded, NO_STEP))
    return Plan(
        runbook="instance rescue --end",
        subject=guarded.node,
        title=f"End what is left of a rescue of {guarded.name} on {guarded.node}",
        steps=_chain([*makers, partial(DisarmGuard.step, guarded)]),
        notes=(f"nova is not asked, as it does not answer: {silence}",) if silence else (),
        options={"consent": wanted.consent, "reason": wanted.reason},
    )


def _resting(guarded: Guarded, by: Rest) -> tuple[list[Maker], list[Maker]]:
    """Return what brings the instance to rest, and what lets it go on."""
    if by is Rest.SUSPEND:
        suspend = partial(SuspendInstance.step, guarded)
        return [suspend], [partial(GiveBack.step, guarded, suspend().id)]
    if by is Rest.PAUSE:
        return [partial(PauseInstance.step, guarded)], [partial(UnpauseInstance.step, guarded)]
    return [], []


def _reading(guarded: Guarded, wanted: Wanted, reader: Reader) -> Iterator[Maker]:
    """Yield what is done with the open disks."""
    if wanted.lists:
        yield partial(ListFiles.step, guarded, wanted.lists)
    if wanted.reads:
        yield partial(CopyFiles.step, guarded, wanted.reads, wanted.scratch, id=READS)
    if wanted.copies:
        yield partial(CopyFiles.step, guarded, wanted.copies, wanted.to)
    if wanted.shell_minutes:
        yield partial(OpenShell.step, guarded, wanted.shell_minutes, reader)


def _chain(makers: Iterable[Maker]) -> tuple[Step, ...]:
    """Return steps that each need the one before."""
    steps: list[Step] = []
    for make in makers:
        steps.append(make(needs=(steps[-1].id,) if steps else ()))
    return tuple(steps)


def _guarded(instance: Instance) -> Guarded:
    return Guarded(instance.host, instance.id, instance.name)


def _notes(facts: RescueFacts, wanted: Wanted, reader: Reader, by: Rest) -> tuple[str, ...]:
    instance = facts.instance
    whose = f"the file systems of {instance.name}"
    if reader is Reader.LIBGUESTFS:
        notes = [f"a virtual machine of libguestfs reads {whose}; the kernel of {instance.host} does not"]
    else:
        notes = [f"the kernel of {instance.host} reads {whose}, which {wanted.consent} trusts"]
    if facts.silence:
        notes.append(f"nova is not asked, as it does not answer: {facts.silence}")
    if by is Rest.PAUSE:
        notes.append(
            f"{instance.name} answers nobody meanwhile, paused by libvirt and active by nova's record; "
            f"{instance.host} itself resumes it after {wanted.limit} s; where {instance.host} reboots it is off"
        )
    elif by is Rest.SUSPEND:
        notes.append(
            f"{instance.name} answers nobody meanwhile; {instance.host} itself gives it back after {wanted.limit} s"
        )
    else:
        notes.append(f"{instance.name} rests and stays so; it cannot be started while its disks are open")
    if wanted.shell_minutes and reader is not Reader.LIBGUESTFS:
        notes.append("which files the shell opens is not journaled: only libguestfs tells")
    return (*notes, *(f"not read: {name}" for name in facts.elsewhere))


def _world(facts: RescueFacts) -> JsonObject:
    domain = facts.domain
    return {
        "instance": f"{facts.instance.vm_state} on {facts.instance.host}",
        "domain": "none" if domain is None else domain.state,
        "disks": {disk.name: f"{disk.form} {disk.path}" for disk in facts.disks},
    }
