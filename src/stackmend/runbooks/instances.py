"""Bring instances up: after a node's reboot, by name, or by the cure that a diagnosis names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stackmend.actions.booting import RebootInstance, StartInstance
from stackmend.actions.well import CheckInstances
from stackmend.domain.boot_failure import Cause, Cure
from stackmend.domain.instance import Instance
from stackmend.domain.plan import Plan, Step
from stackmend.domain.values import JsonObject
from stackmend.errors import Code, Refused
from stackmend.rules.starting import Wanted
from stackmend.rules.was_running import Ran

LANE = "start"
BOOT_WATCH_SECONDS = 30.0
"""How long a guest is watched that had stuck in its own boot: a kernel that panics does so again by then."""

_IN_THE_GUEST = frozenset({"kernel-panic", "fsck-prompt", "boot-prompt"})


def plan_start(
    subject: str, wanted: Sequence[Wanted], left: Iterable[str] = (), *, limit: int, order: str, on_node: bool = False
) -> Plan:
    """Return the plan that starts instances, so many at once, and tells which did not come up.

    Args:
        subject: the node that it is about, or the names of the instances.
        wanted: what is started, in order.
        left: sentences on those that are left alone.
        limit: how many at once.
        order: by what they were put in order.
        on_node: whether the subject is a node.

    Raises:
        Refused: there is nothing to start.
    """
    notes = tuple(left)
    if not wanted:
        raise Refused(
            Code.INSTANCE_STATE,
            f"there is nothing to start on {subject}" + (f": {'; '.join(notes)}" if notes else ""),
            hint="`stackmend instance list --was-running` tells why of each",
        )
    whose = f"on {subject}" if on_node else subject
    group = (f"Start {whose}",)
    starts = tuple(StartInstance.step(w.instance, w.why, group=group, lane=LANE) for w in wanted)
    return Plan(
        runbook="instance start",
        subject=subject,
        title=f"Start {_count(len(wanted))} {whose}, at most {limit} at once",
        steps=(*starts, _check([w.instance for w in wanted], starts, group)),
        lanes={LANE: limit},
        notes=notes,
        world={w.instance.name: _state(w.instance) for w in wanted},
        options={"limit": limit, "order": order},
    )


def left_alone(instance: Instance, ran: Ran) -> str:
    """Return the note on an instance that is not started; empty for one that runs, which needs none."""
    return "" if ran.runs else f"{instance.name}: {ran.sentence}"


def plan_reboot(instance: Instance, *, hard: bool) -> Plan:
    """Return the plan that reboots an instance.

    Raises:
        Refused: it is in a state that nova does not reboot so.
    """
    if not hard and instance.vm_state != "active":
        raise Refused(
            Code.INSTANCE_STATE,
            f"{instance.name} is {instance.vm_state}: nova reboots softly only what is active",
            hint=f"`stackmend instance diagnose {instance.name}` tells why it does not run; or give --hard",
        )
    how = "hard" if hard else "soft"
    step = RebootInstance.step(instance, how)
    return Plan(
        runbook="instance reboot",
        subject=instance.name,
        title=f"Reboot {instance.name} on {instance.host}, {how}",
        steps=(step, _check([instance], (step,), ())),
        notes=() if hard else (_SOFT,),
        world={instance.name: _state(instance)},
        options={"hard": hard},
    )


def plan_cure(instance: Instance, causes: Sequence[Cause]) -> Plan:
    """Return the plan of the cure of the first cause.

    Raises:
        Refused: NO_CURE where nothing is wrong, or what is wrong is not for stackmend to cure.
    """
    if not causes:
        raise Refused(Code.NO_CURE, f"nothing shows against {instance.name}, so there is nothing to cure")
    cause = causes[0]
    if cause.cure is Cure.NONE:
        raise Refused(Code.NO_CURE, f"{cause.code}: {cause.sentence}", hint=cause.advice, evidence=dict(cause.evidence))
    why = f"{cause.code}: {cause.sentence}"
    start = cause.cure is Cure.START
    step = StartInstance.step(instance, why) if start else RebootInstance.step(instance, "hard", why)
    watch = BOOT_WATCH_SECONDS if cause.code in _IN_THE_GUEST else 0.0
    return Plan(
        runbook="instance diagnose",
        subject=instance.name,
        title=f"Cure {instance.name} on {instance.host} of {cause.code}: {cause.advice}",
        steps=(step, _check([instance], (step,), (), watch)),
        notes=tuple(f"{other.code}: {other.sentence}" for other in causes[1:]),
        world={instance.name: {**_state(instance), "cause": cause.code}},
        options={"cure": str(cause.cure)},
    )


_SOFT = "nova forces a guest that does not shut down within its [libvirt] wait_soft_reboot_seconds, 120 by default"


def _check(instances: Sequence[Instance], steps: Sequence[Step], group: tuple[str, ...], watch: float = 0.0) -> Step:
    by_id = {instance.id: step.id for instance, step in zip(instances, steps, strict=True)}
    names = {instance.id: instance.name for instance in instances}
    return CheckInstances.step(names, by_id, watch, group=group, needs=tuple(step.id for step in steps))


def _state(instance: Instance) -> JsonObject:
    return {"state": instance.vm_state, "node": instance.host}


def _count(number: int) -> str:
    return "one instance" if number == 1 else f"{number} instances"
