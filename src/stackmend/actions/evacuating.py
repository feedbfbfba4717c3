"""Evacuating one instance with nova: ask for it or find the record of what was asked for, follow it to its end.

Every function may be called again after a kill at any point: an evacuation record with an id greater than
``Evacuation.after`` tells that it was asked for, so it is never asked for twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from stackmend.actions.base import Context
from stackmend.actions.dropped import service_of, why_dropped
from stackmend.actions.fenced import still_fenced
from stackmend.actions.leftovers import clear
from stackmend.actions.placed import still_placed
from stackmend.adapters.patience import is_passing, patiently
from stackmend.adapters.world import World
from stackmend.domain.evacuation import Evacuation
from stackmend.domain.instance import Instance, Migration
from stackmend.errors import Code, Failed, StackmendError
from stackmend.facts import instance_actions, instances, migrations
from stackmend.rules.migration import Phase, phase, since

MICROVERSION = "2.80"
"""2.68 drops ``force``. From 2.95 on nova starts the instance all the same, kills it at once, and leaves it stopped."""

KIND = "evacuation"
VERBS = frozenset({"evacuate"})
POLL_SECONDS = 0.5
UNMOVED_SECONDS = 30.0
"""How long a record may say the same before it is asked whether nova still goes on with it."""
TARGET_EVERY_SECONDS = 5.0
ASKED_SECONDS = 30.0
STUCK_SECONDS = 120.0
"""How long a record may say accepted or pre-migrating, and how long nova may work on after the record's end."""
BUILD_SECONDS = 1800.0
"""How long nova may take to make the instance anew; its image may have to be fetched first."""


def evacuate(world: World, way: Evacuation, context: Context) -> Migration:
    """Carry out an evacuation, whatever of it has been begun; return nova's record of it.

    Raises:
        Failed: the node is fenced no longer, or nova refused, failed or lost it.
    """
    record = begun(world, way)
    if record is None:
        still_fenced(world, way.source, way.fence, context)
        if way.placed:
            still_placed(world, way.placed, context)
        if way.dropped:
            clear(world, way.instance, way.dropped, way.target)
        record = _ask(world, way)
    record = _follow(world, way, record, context)
    if phase(record) is Phase.BADLY:
        raise _failure(world, way, record)
    _settle(world, way)
    return record


def begun(world: World, way: Evacuation) -> Migration | None:
    """Return the newest evacuation away from the source since it was decided; None where there is none."""
    records = patiently(world.clock, lambda: migrations.of_instance(world, way.instance))
    return since([r for r in records if r.kind == KIND and r.source == way.source], way.after)


def _ask(world: World, way: Evacuation) -> Migration:
    try:
        body = {"evacuate": {"host": way.target}}
        world.openstack.post("compute", f"/servers/{way.instance}/action", body, version=MICROVERSION)
    except StackmendError as error:
        if not is_passing(error):
            raise _refusal(way, error) from error
        # the answer was lost, not necessarily the request: the record tells
    record = world.clock.wait_for(lambda: begun(world, way), timeout=ASKED_SECONDS, interval=POLL_SECONDS)
    if record is None:
        reason = instance_actions.last_failure(world, way.instance, VERBS)
        why = f": {reason.details}" if reason is not None else ""
        raise Failed(
            Code.MIGRATION_REFUSED,
            f"nova did not begin to evacuate {way.name} to {way.target}{why}",
            hint="retry, when nova-api, nova-conductor and RabbitMQ are well",
            evidence={"instance": way.instance},
        )
    return record


def _refusal(way: Evacuation, error: StackmendError) -> StackmendError:
    if error.code is Code.API_NOT_FOUND:
        return Failed(Code.INSTANCE_LOST, f"{way.name} is gone: nova no longer has it", evidence=error.evidence)
    if error.code in {Code.API_CONFLICT, Code.API_ERROR}:
        return Failed(
            Code.MIGRATION_REFUSED,
            f"nova refused to evacuate {way.name} to {way.target}: {error.sentence}",
            hint="retry when the reason is gone, or skip it",
            evidence=error.evidence,
        )
    return error


@dataclass
class _Watch:
    """When the record last changed its status, and until when the target's nova-compute was seen alive."""

    status: str
    since: float
    looked: float


def _follow(world: World, way: Evacuation, record: Migration, context: Context) -> Migration:
    now = world.clock.monotonic()
    watch = _Watch(record.status, now, now)
    while phase(record) is Phase.UNDERWAY:
        context.progress(f"{way.source} → {way.target}: {record.status}")
        if _arrived(world, way, record, watch, context):
            break  # and nova does not end its record
        world.clock.pause(POLL_SECONDS)
        record = begun(world, way) or record
    return record


def _arrived(world: World, way: Evacuation, record: Migration, watch: _Watch, context: Context) -> bool:
    """Return whether nova has it on the target, and works on it no more; ``Failed`` where it can't come to an end."""
    now = world.clock.monotonic()
    if record.status != watch.status:
        watch.status, watch.since = record.status, now
    limit = STUCK_SECONDS if record.status == "accepted" else BUILD_SECONDS
    if now - watch.since > limit:
        raise Failed(
            Code.MIGRATION_TIMEOUT,
            f"nova's record of the evacuation of {way.name} has said {record.status} for {limit:.0f} s",
            hint=f"see nova-conductor's log, and nova-compute's on {way.target}; a retry waits on",
            evidence={"migration": str(record.id), "instance": way.instance},
        )
    if now - watch.looked > TARGET_EVERY_SECONDS:
        watch.looked = now
        return _check_target(world, way, record, context, unmoved=now - watch.since > UNMOVED_SECONDS)
    return False


def _check_target(world: World, way: Evacuation, record: Migration, context: Context, *, unmoved: bool) -> bool:
    service = service_of(world, way.target)
    evidence = {"migration": str(record.id), "instance": way.instance}
    if service is None or not service.up:
        raise Failed(
            Code.MIGRATION_FAILED,
            f"nova-compute on {way.target} went down while {way.name} was evacuated to it; nova's record says "
            f"{record.status}",
            hint=f"bring {way.target} back and resume, which asks anew; or fence it, too, by `stackmend node recover "
            f"{way.target}`, and resume, which chooses another target",
            evidence=evidence,
        )
    instance = patiently(world.clock, lambda: instances.get(world, way.instance)) if unmoved else None
    if instance is None:
        return False
    if instance.host == way.target:
        return not instance.task_state
    why = why_dropped(world, record, instance, context)
    if why:
        raise Failed(
            Code.MIGRATION_FAILED,
            f"nova goes on with the evacuation of {way.name} to {way.target} no more: {why}",
            hint="resume, which asks for it anew",
            evidence=evidence,
        )
    return False


def _settle(world: World, way: Evacuation) -> Instance:
    """Wait until nova works on the instance no more, and see that it is where it was sent."""

    def settled() -> Instance | None:
        found = patiently(world.clock, lambda: instances.get(world, way.instance))
        if found is None:
            raise Failed(Code.INSTANCE_LOST, f"{way.name} was deleted while it was evacuated")
        return None if found.task_state else found

    found = world.clock.wait_for(settled, timeout=STUCK_SECONDS, interval=POLL_SECONDS)
    if found is None:
        raise Failed(Code.MIGRATION_TIMEOUT, f"nova still works on {way.name} long after its evacuation ended")
    if found.vm_state == "error":
        raise Failed(Code.MIGRATION_FAILED, f"{way.name} is in ERROR after its evacuation: {found.fault}")
    if found.host != way.target:
        raise Failed(
            Code.INSTANCE_MOVED,
            f"{way.name} should be on {way.target} now, but nova has it on {found.host}: somebody else moved it",
        )
    return found


def _failure(world: World, way: Evacuation, record: Migration) -> Failed:
    reason = instance_actions.last_failure(world, way.instance, VERBS)
    found = patiently(world.clock, lambda: instances.get(world, way.instance))
    why = reason.details if reason and reason.details else found.fault if found else ""
    return Failed(
        Code.MIGRATION_FAILED,
        f"nova could not evacuate {way.name} to {way.target}" + (f": {why}" if why else ""),
        hint="retry tries again; skip leaves it; nova's own action list tells more",
        evidence={"migration": str(record.id), "status": record.status, "instance": way.instance},
    )


def again(world: World, way: Evacuation, instance: Instance, context: Context) -> Evacuation:
    """Return an evacuation as it is carried out now: gone on with, or anew where nova has ended or dropped it.

    Args:
        world: the cloud.
        way: the evacuation so far.
        instance: as nova has it.
        context: of the step.

    Raises:
        Failed: NODE_NOT_FENCED where its target went down and may still run it.
    """
    last = begun(world, way)
    if last is None or phase(last) is Phase.WELL:
        return way
    if phase(last) is Phase.BADLY:
        return replace(way, after=last.id)
    why = why_dropped(world, last, instance, context)
    if not why:
        return way
    context.progress(f"nova goes on with the evacuation of {way.name} no more: {why}")
    return replace(way, after=last.id, dropped=last.target)
