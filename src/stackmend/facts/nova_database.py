"""Services and instances by nova's own database, for when nova-api does not answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from stackmend.adapters.world import World
from stackmend.domain.instance import ComputeService, Instance, NovaService, PowerState
from stackmend.domain.values import InstanceId, NodeName

SERVICE_DOWN_SECONDS = 60
"""Nova's default of ``service_down_time``."""
LIMIT = 100_000

_SERVICES = f"""
select uuid, host, `binary`, disabled, disabled_reason, forced_down, last_seen_up,
       coalesce(last_seen_up, updated_at, created_at) > utc_timestamp() - interval {SERVICE_DOWN_SECONDS} second as up
from services where deleted = 0 and host is not null order by `binary`, host limit {LIMIT}"""  # noqa: S608 - constants
_INSTANCES = f"""
select uuid, display_name, host, vm_state, task_state, power_state, created_at, launched_at
from instances where deleted = 0 order by display_name limit {LIMIT}"""  # noqa: S608 - constants


def services(world: World) -> tuple[NovaService, ...]:
    """Return every service of nova that keeps a heartbeat; it is up by the database server's own clock.

    Raises:
        Failed: DATABASE_UNREACHABLE, DATABASE_REFUSED.
    """
    rows = world.databases.rows("nova", _SERVICES)
    return tuple(_service(row) for row in rows if row["binary"] not in {"nova-osapi_compute", "nova-metadata"})


def instances(world: World) -> tuple[Instance, ...]:
    """Return all instances, without what they ask for and what is attached to them.

    Raises:
        Failed: DATABASE_UNREACHABLE, DATABASE_REFUSED.
    """
    return tuple(_instance(row) for row in world.databases.rows("nova", _INSTANCES))


def _service(row: Mapping[str, Any]) -> NovaService:
    record = ComputeService(
        id=row["uuid"] or "",
        host=NodeName(row["host"]),
        enabled=not row["disabled"],
        reason=row["disabled_reason"] or "",
        up=bool(row["up"]) and not row["forced_down"],
        forced_down=bool(row["forced_down"]),
        heartbeat=_utc(row["last_seen_up"]),
    )
    return NovaService(row["binary"], record)


def _instance(row: Mapping[str, Any]) -> Instance:
    power = row["power_state"]
    return Instance(
        id=InstanceId(row["uuid"]),
        name=row["display_name"] or "",
        host=NodeName(row["host"] or ""),
        vm_state=row["vm_state"] or "",
        task_state=row["task_state"] or "",
        power_state=PowerState(power) if power in list(PowerState) else PowerState.NOSTATE,
        created=_utc(row["created_at"]),
        launched=_utc(row["launched_at"]),
    )


def _utc(stamp: datetime | None) -> datetime | None:
    return stamp.replace(tzinfo=UTC) if stamp else None
