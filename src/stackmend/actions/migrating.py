"""Moving one instance with nova: start a migration or find the one already begun, follow it to its end.

Every function may be called again after a kill at any point: what nova has recorded since the move was decided
(migration records with an id greater than ``Move.after``) tells what has been begun, so nothing is asked for twice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stackmend.actions.base import Context
from stackmend.actions.carriers import Carriers, wait_until_up
from stackmend.actions.migration_errors import failure, not_converging, refusal
from stackmend.adapters.patience import is_passing, patiently
from stackmend.adapters.world import World
from stackmend.domain.instance import Instance, Migration
from stackmend.domain.move import Move
from stackmend.domain.outcome import Withdrawn
from stackmend.domain.values import InstanceId
from stackmend.errors import Code, Failed, StackmendError
from stackmend.facts import instance_actions, instances, migrations, network
from stackmend.rules.migration import Convergence, Phase, phase, since

# os-migrateLive: 2.68 drops ``force``; with it the scheduler is not asked, which a disabled target needs
LIVE, LIVE_FORCED = "2.80", "2.67"
# migrate: 2.56 adds ``host``
COLD = "2.80"
POLL_SECONDS = 0.5
SETTLE_SECONDS = 120.0
CANCELLED = "cancelled"
WITHDRAWN = "withdrawn"
"""Key of the note with the id of a migration that is taken out of nova's queue."""
LIVE_VERBS = frozenset({"live-migration"})
COLD_VERBS = frozenset({"migrate", "resize", "confirmResize"})


def newest_record(world: World, instance: InstanceId) -> int:
    """Return the id of the newest migration record of an instance; 0 where it has none."""
    return max((m.id for m in migrations.of_instance(world, instance)), default=0)


def migrate(world: World, move: Move, context: Context) -> Migration | None:
    """Carry out a move, whatever of it has been begun; return nova's record of it, None where it made none.

    Raises:
        Failed: it was refused, failed, did not converge, or something else happened to the instance.
        Withdrawn: the run is stopping, and it was taken out of nova's queue before nova had begun with it.
    """
    steps = _cold if move.mode == "cold" else _live
    record = steps(world, move, context)
    _settle(world, move)
    return record


def abort(world: World, instance: InstanceId, record: Migration) -> Migration:
    """Abort a live migration that is under way, and return its record at its end, which may have come by itself.

    Raises:
        Failed: it did not end.
    """
    path = f"/servers/{instance}/migrations/{record.id}"
    try:
        world.openstack.delete("compute", path, version=LIVE)
    except StackmendError as error:
        if error.code not in {Code.API_NOT_FOUND, Code.API_CONFLICT, Code.API_ERROR}:
            raise
    ended = world.clock.wait_for(lambda: _ended(world, instance, record.id), timeout=SETTLE_SECONDS)
    if ended is None:
        raise Failed(Code.MIGRATION_TIMEOUT, f"migration {record.id} did not end after it was aborted")
    return ended


def _ended(world: World, instance: InstanceId, record_id: int) -> Migration | None:
    record = since(patiently(world.clock, lambda: migrations.of_instance(world, instance)), record_id - 1)
    return record if record is not None and phase(record) is not Phase.UNDERWAY else None


def _begun(world: World, move: Move) -> Migration | None:
    return since(patiently(world.clock, lambda: migrations.of_instance(world, move.instance)), move.after)


def _current(world: World, move: Move) -> Instance:
    instance = patiently(world.clock, lambda: instances.get(world, move.instance))
    if instance is None:
        raise Failed(Code.INSTANCE_LOST, f"{move.name} was deleted while it was being moved")
    return instance


def _live(world: World, move: Move, context: Context) -> Migration:
    record = _begun(world, move)
    if record is None:
        wait_until_up(world, move, context)
        _clear_idle_bindings(world, move, context)
        record = _ask(world, move, _live_request(move), LIVE_FORCED if move.force else LIVE)
    if move.complete and phase(record) is Phase.UNDERWAY:
        action = f"/servers/{move.instance}/migrations/{record.id}/action"
        world.openstack.post("compute", action, {"force_complete": None}, version=LIVE)
    record = _follow_live(world, move, record, context)
    if record.status == CANCELLED and record.id in _withdrawn(context):
        # a process that was killed in the middle of withdrawing it; this one goes on
        return _live(world, replace(move, after=record.id), context)
    if phase(record) is Phase.BADLY:
        raise failure(world, move, record, LIVE_VERBS)
    return record


def _clear_idle_bindings(world: World, move: Move, context: Context) -> None:
    """Remove what a migration that nova lost has left at the target; no migration is under way when this is called."""
    for port in network.idle_bindings(world, move.instance, move.target):
        context.note(
            {"port": port}, f"removing the idle binding of port {port} on {move.target}, left by a lost migration"
        )
        world.openstack.delete("network", f"/ports/{port}/bindings/{move.target}")


def _live_request(move: Move) -> dict[str, Any]:
    request: dict[str, Any] = {"host": move.target, "block_migration": "auto"}
    return {"os-migrateLive": request | ({"force": True} if move.force else {})}


def _ask(world: World, move: Move, request: dict[str, Any], version: str) -> Migration:
    """Ask nova for a migration and return the record it makes; raise what it says instead."""
    try:
        world.openstack.post("compute", f"/servers/{move.instance}/action", request, version=version)
    except StackmendError as error:
        if not is_passing(error):
            raise refusal(move, error) from error
        # the answer was lost, not necessarily the request: the record tells
    record = world.clock.wait_for(lambda: _begun(world, move), timeout=30.0, interval=POLL_SECONDS)
    if record is not None:
        return record
    reason = instance_actions.last_failure(world, move.instance, LIVE_VERBS | COLD_VERBS)
    why = f": {reason.details}" if reason is not None else ""
    raise Failed(
        Code.MIGRATION_REFUSED,
        f"nova did not begin to move {move.name} to {move.target}{why}",
        hint="retry, when nova-api, nova-conductor and RabbitMQ are well",
    )


def _follow_live(world: World, move: Move, record: Migration, context: Context) -> Migration:
    convergence = Convergence(move.patience, since=world.clock.monotonic())
    carriers = Carriers(world, move)
    while phase(record) is Phase.UNDERWAY:
        world.clock.pause(POLL_SECONDS)
        carriers.check(record)
        if record.status == "queued" and context.stopping:
            _withdraw(world, move, record, context)
        if record.status == "running":
            progress = patiently(world.clock, lambda: migrations.live_progress(world, move.instance, record.id))  # noqa: B023
            remaining = progress.memory_remaining if progress else None
            now = world.clock.monotonic()
            convergence = convergence.with_sample(remaining, now)
            context.progress(_progress(move, remaining))
            if not move.complete and convergence.stalled(now):
                raise not_converging(move, record, convergence)
        record = _begun(world, move) or record
    return record


def _withdraw(world: World, move: Move, record: Migration, context: Context) -> None:
    """Take a migration out of nova's queue; return where it came to another end in that very moment."""
    context.note({WITHDRAWN: record.id}, f"taking {move.name} out of nova's queue: the run stops")
    ended = abort(world, move.instance, record)
    if ended.status == CANCELLED:
        place = _current(world, move).host
        raise Withdrawn(f"{move.name} is still on {place}: taken out of nova's queue before nova had begun")


def _withdrawn(context: Context) -> set[int]:
    return {int(str(note[WITHDRAWN])) for note in context.notes if WITHDRAWN in note}


def _progress(move: Move, remaining: int | None) -> str:
    rest = "" if remaining is None else f", {remaining // 2**20} MiB left"
    return f"{move.source} → {move.target}{rest}"


def _cold(world: World, move: Move, context: Context) -> Migration | None:
    record = _begun(world, move)
    if record is not None and record.kind == "live-migration" and phase(record) is Phase.UNDERWAY:
        context.progress(f"aborting the live migration of {move.name}")
        abort(world, move.instance, record)
    if record is None or record.kind == "live-migration":
        wait_until_up(world, move, context)
        after = replace(move, after=newest_record(world, move.instance))
        record = _ask(world, after, {"migrate": {"host": move.target}}, COLD)
    context.progress(f"{move.source} → {move.target}, cold")
    record = _follow_cold(world, move, record)
    if phase(record) is Phase.BADLY:
        raise failure(world, move, record, COLD_VERBS)
    return record


def _follow_cold(world: World, move: Move, record: Migration) -> Migration:
    carriers = Carriers(world, move)
    while phase(record) is Phase.UNDERWAY or record.status == "finished":
        instance = _current(world, move)
        # once it is confirmed the record says confirming, and a second confirmation would be refused
        if record.status == "finished" and instance.vm_state == "resized" and not instance.task_state:
            _confirm(world, move)
        if instance.vm_state == "error":
            raise Failed(Code.MIGRATION_FAILED, f"{move.name} went to ERROR while it was moved: {instance.fault}")
        world.clock.pause(POLL_SECONDS)
        carriers.check(record)
        record = _begun(world, move) or record
    return record


def _confirm(world: World, move: Move) -> None:
    try:
        world.openstack.post("compute", f"/servers/{move.instance}/action", {"confirmResize": None}, version=COLD)
    except StackmendError as error:
        # asked for twice, as after a kill: nova is already confirming
        if error.code is not Code.API_CONFLICT and not is_passing(error):
            raise


def _settle(world: World, move: Move) -> None:
    """Wait until nova's record of the instance shows the end of the move."""

    def settled() -> Instance | None:
        instance = _current(world, move)
        return None if instance.task_state else instance

    instance = world.clock.wait_for(settled, timeout=SETTLE_SECONDS, interval=POLL_SECONDS)
    if instance is None:
        raise Failed(Code.MIGRATION_TIMEOUT, f"nova still works on {move.name} long after its migration ended")
    if instance.vm_state == "error":
        raise Failed(Code.MIGRATION_FAILED, f"{move.name} is in ERROR after its migration: {instance.fault}")
    if instance.host != move.target:
        raise Failed(
            Code.INSTANCE_MOVED,
            f"{move.name} should be on {move.target} now, but nova has it on {instance.host}: somebody else moved it",
        )
