"""What is said of a migration that nova refused, lost, or did not bring to its end."""

from __future__ import annotations

from collections.abc import Sequence

from stackmend.adapters.world import World
from stackmend.domain.instance import ComputeService, Migration
from stackmend.domain.move import Move
from stackmend.errors import Code, Failed, StackmendError
from stackmend.facts import instance_actions
from stackmend.rules.migration import Convergence


def refusal(move: Move, error: StackmendError) -> StackmendError:
    """Return what an API's refusal of a migration means for the move; other errors as they are."""
    if error.code is Code.API_NOT_FOUND:
        return Failed(Code.INSTANCE_LOST, f"{move.name} is gone: nova no longer has it", evidence=error.evidence)
    if error.code is Code.API_CONFLICT:
        return Failed(
            Code.INSTANCE_CHANGED, f"nova would not move {move.name} now: {error.sentence}", evidence=error.evidence
        )
    if error.code is Code.API_ERROR:
        return Failed(
            Code.MIGRATION_REFUSED,
            f"nova refused to move {move.name} to {move.target}: {error.sentence}",
            hint="retry, when the reason is gone; or skip it",
            evidence=error.evidence,
        )
    return error


def lost(move: Move, status: str, seconds: float) -> Failed:
    """Return the error for a record that stays where it was: the message that was to carry it on is gone."""
    hint = f"see nova-compute's log on {move.source} and {move.target}; a retry waits on"
    if move.mode != "cold":
        hint = (
            f"see by `virsh list` on {move.source} and {move.target} that it runs on {move.source} alone; then give it "
            f"back its state (`openstack server set --state active {move.instance}`) and retry"
        )
    return Failed(
        Code.MIGRATION_TIMEOUT,
        f"nova's record of the migration of {move.name} has said {status} for {seconds:.0f} s: "
        "nova has probably lost it",
        hint=hint,
        evidence={"instance": move.instance, "status": status},
    )


def carrier_down(move: Move, down: Sequence[ComputeService], when: str) -> Failed:
    """Return the error for a nova-compute that a migration needs and that is down."""
    nodes = " and ".join(s.host for s in down)
    forced = " (forced down)" if any(s.forced_down for s in down) else ""
    return Failed(
        Code.MIGRATION_FAILED,
        f"nova-compute on {nodes} is down{forced}: {move.name} can't be moved from {move.source} to {move.target}; "
        f"this was found {when}",
        hint="bring the service back and retry; the retry goes on from what nova then records",
        evidence={"instance": move.instance, "down": nodes},
    )


def not_converging(move: Move, record: Migration, convergence: Convergence) -> Failed:
    """Return the error for a live migration that goes on without coming nearer to its end."""
    lowest = (convergence.lowest or 0) // 2**20
    return Failed(
        Code.MIGRATION_NOT_CONVERGING,
        f"the live migration of {move.name} to {move.target} does not converge: "
        f"its rest has not fallen below {lowest} MiB for {move.patience:.0f} s; it is still running",
        hint="retry to wait longer, or retry with --mode force-complete (pauses the instance) or --mode cold",
        evidence={"migration": str(record.id), "instance": move.instance},
    )


def failure(world: World, move: Move, record: Migration, verbs: frozenset[str]) -> Failed:
    """Return the error for a record that ended badly, with nova's own reason where it gives one."""
    reason = instance_actions.last_failure(world, move.instance, verbs)
    evidence = {"migration": str(record.id), "status": record.status, "instance": move.instance}
    details = ""
    if reason is not None:
        evidence |= {"event": reason.event, "host": reason.host, "request": reason.request_id}
        details = f": {reason.details}" if reason.details else ""
    if reason is not None and reason.by_scheduler:
        return Failed(
            Code.MIGRATION_REFUSED,
            f"nova's scheduler refused to move {move.name} to {move.target}{details}",
            hint="retry, when the reason is gone; or skip it",
            evidence=evidence,
        )
    return Failed(
        Code.MIGRATION_FAILED,
        f"the migration of {move.name} to {move.target} ended as {record.status}{details}",
        hint=f"see nova-compute's log on {move.source} and {move.target}; then retry, retry with --mode cold, or skip",
        evidence=evidence,
    )
