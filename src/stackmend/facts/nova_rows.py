"""Rows of nova's cells that say where an instance is, and which row a compute node has; read only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from stackmend.adapters.world import World
from stackmend.domain.relocation import Row, Seat
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, Refused

_COLUMNS = "uuid, host, node, launched_on, {compute_id} as compute_id, vm_state, task_state, launched_at, updated_at"
_ROWS = "select {columns} from instances where deleted = 0 and uuid in ({ids}) order by uuid"
_TPM = """select `key` from instance_system_metadata
where instance_uuid = :instance and deleted = 0 and `key` like 'image\\_hw\\_tpm%' order by `key` limit 10"""
_SEATS = """select id, host, hypervisor_hostname, exists(
    select 1 from information_schema.columns
    where table_schema = database() and table_name = 'instances' and column_name = 'compute_id') as named
from compute_nodes where deleted = 0 and host = :host limit 10"""


def seat(world: World, node: NodeName) -> Seat:
    """Return the row of a compute node.

    Raises:
        Refused: NO_TARGET where it has none, or more than one, as one has that stands for several machines.
        Failed: DATABASE_UNREACHABLE, DATABASE_REFUSED.
    """
    answers = world.databases.rows_by_cell(_SEATS, {"host": node})
    found = [(cell, row) for cell, rows in answers.items() for row in rows]
    if len(found) != 1 or not found[0][0]:
        unknown = "nova's API database does not tell which cells there are"
        why = unknown if "" in answers else f"nova's cells have {len(found)} rows of it in compute_nodes, not one"
        raise Refused(Code.NO_TARGET, f"no row of nova's can be written to say {node}: {why}")
    cell, row = found[0]
    return Seat(cell, node, row["hypervisor_hostname"], row["id"] if row["named"] else None)


def rows(world: World, at: Seat, ids: Collection[InstanceId]) -> dict[InstanceId, Row]:
    """Return the rows of instances that are not deleted, of one cell.

    Args:
        world: the cloud.
        at: tells the cell, and whether instances name the row of their node.
        ids: the instances.

    Raises:
        Failed: DATABASE_UNREACHABLE, DATABASE_REFUSED.
    """
    if not ids:
        return {}
    names = {f"id{n}": instance for n, instance in enumerate(sorted(ids))}
    columns = _COLUMNS.format(compute_id="null" if at.compute_id is None else "compute_id")
    sql = _ROWS.format(columns=columns, ids=", ".join(f":{name}" for name in names))
    found = map(_row, world.databases.rows_by_cell(sql, names).get(at.cell, ()))
    return {row.uuid: row for row in found}


def tpm(world: World, instance: InstanceId) -> tuple[str, ...]:
    """Return what the image of an instance asks of a TPM, by name: its memory lies on the instance's node alone.

    Raises:
        Failed: DATABASE_UNREACHABLE, DATABASE_REFUSED.
    """
    return tuple(row["key"] for row in world.databases.rows("nova", _TPM, {"instance": instance}))


def _row(record: Mapping[str, Any]) -> Row:
    return Row(
        uuid=InstanceId(record["uuid"]),
        host=NodeName(record["host"] or ""),
        node=record["node"],
        launched_on=record["launched_on"],
        compute_id=record["compute_id"],
        vm_state=record["vm_state"],
        task_state=record["task_state"],
        launched_at=_stamp(record["launched_at"]),
        updated_at=_stamp(record["updated_at"]),
    )


def _stamp(value: datetime | None) -> str | None:
    return value.strftime("%Y-%m-%d %H:%M:%S") if value else None
