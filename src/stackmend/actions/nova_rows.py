"""Writing where instances are into nova's rows: guarded by what was exported, all in one transaction or none.

Every function may be called again after a kill at any point: a row that says the new node already is done, and where
the answer to the COMMIT is lost the rows are read back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from stackmend.adapters.database import Change
from stackmend.adapters.world import World
from stackmend.domain.relocation import Relocation, Row, Seat
from stackmend.domain.values import InstanceId
from stackmend.errors import Code, Failed
from stackmend.facts import nova_rows

_SET = "update instances set host = %(host)s, node = %(node)s, launched_on = %(launched_on)s, {compute}"
_GUARD = """
where uuid = %(uuid)s and deleted = 0 and host = %(host_was)s and node <=> %(node_was)s
  and vm_state <=> %(vm_state)s and task_state is null"""
_MOVE = (
    _SET
    + "launched_at = utc_timestamp(), updated_at = utc_timestamp()"
    + _GUARD
    + " and updated_at <=> %(updated_was)s and launched_at <=> %(launched_was)s"
)
_BACK = _SET + "launched_at = %(launched_at)s, updated_at = utc_timestamp()" + _GUARD


def moved(world: World, relocation: Relocation) -> frozenset[InstanceId]:
    """Return the instances whose rows say the target already."""
    at = relocation.seat
    now = nova_rows.rows(world, at, [r.uuid for r in relocation.rows])
    return frozenset(r.uuid for r in relocation.rows if r.uuid in now and now[r.uuid].host == at.host)


def move(world: World, relocation: Relocation) -> None:
    """Have every row say the target, in one transaction.

    ``launched_at`` becomes now, as when nova itself starts an instance on another node: what older migration records
    say of it counts no more then.

    Raises:
        Failed: INSTANCE_CHANGED where a row is not as it was exported: nothing was changed then; what the database
            says.
    """
    at = relocation.seat
    changes = [_change(_MOVE, row, to=_on(row, at), was=row) for row in relocation.rows]
    _carry_out(world, relocation, changes, wanted=frozenset(r.uuid for r in relocation.rows))


def put_back(world: World, relocation: Relocation) -> None:
    """Have every row say what was exported, in one transaction; the rows must say the target.

    Raises:
        Failed: as ``move``.
    """
    at = relocation.seat
    changes = [_change(_BACK, row, to=row, was=_on(row, at)) for row in relocation.rows]
    _carry_out(world, relocation, changes, wanted=frozenset())


def _on(row: Row, at: Seat) -> Row:
    """Return a row as it says the target."""
    return Row(**{**asdict(row), "host": at.host, "node": at.node, "launched_on": at.host, "compute_id": at.compute_id})


def _change(sql: str, row: Row, *, to: Row, was: Row) -> Change:
    # a release whose instances name no row of compute_nodes has no such column; one that has may have it empty
    compute = "" if to.compute_id is None and was.compute_id is None else "compute_id = %(compute_id)s, "
    parameters = {
        "uuid": row.uuid,
        "host": to.host,
        "node": to.node,
        "launched_on": to.launched_on,
        "compute_id": to.compute_id,
        "launched_at": row.launched_at,
        "host_was": was.host,
        "node_was": was.node,
        "vm_state": row.vm_state,
        "updated_was": row.updated_at,
        "launched_was": row.launched_at,
    }
    return Change(row.uuid, sql.format(compute=compute), parameters)


def _carry_out(
    world: World, relocation: Relocation, changes: Iterable[Change], *, wanted: frozenset[InstanceId]
) -> None:
    try:
        wrong = world.databases.change(relocation.seat.cell, list(changes))
    except Failed as error:
        # the answer was lost, not necessarily the COMMIT: the rows tell
        if error.code is Code.DATABASE_UNREACHABLE and moved(world, relocation) == wanted:
            return
        raise
    if wrong:
        ids = {InstanceId(w) for w in wrong}
        raise Failed(
            Code.INSTANCE_CHANGED,
            f"nova's rows were left as they are: changed since they were exported is that of {relocation.told(ids)}",
            hint="somebody or something works on it: see what, then retry, which exports the rows anew",
            evidence={"rows": ", ".join(sorted(wrong))},
        )
