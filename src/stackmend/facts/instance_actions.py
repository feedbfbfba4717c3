"""What was done with an instance, and why it failed, from nova's own list of actions and events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stackmend.adapters.world import World
from stackmend.domain.instance import InstanceAction
from stackmend.domain.values import InstanceId
from stackmend.facts.times import utc

# 2.84 adds ``details`` to the events (nova API history)
MICROVERSION = "2.84"


@dataclass(frozen=True)
class ActionFailure:
    """The first event of an action that ended in an error.

    Attributes:
        event: name of the event, such as ``conductor_live_migrate_instance``.
        host: where it ran.
        details: nova's message; empty where nova keeps it to itself.
        request_id: the request that asked for the action.
    """

    event: str
    host: str
    details: str
    request_id: str

    @property
    def by_scheduler(self) -> bool:
        """Whether it failed before a compute node was asked to do anything."""
        return self.event.startswith("conductor") or "No valid host" in self.details


def recent(world: World, instance: InstanceId) -> tuple[InstanceAction, ...]:
    """Return what was done with an instance, newest first, as far as one page goes.

    Raises:
        Failed: nova could not be asked.
    """
    path = f"/servers/{instance}/os-instance-actions"
    found = world.openstack.get("compute", path, version=MICROVERSION)["instanceActions"]
    return tuple(sorted((_of_json(a) for a in found), key=lambda a: str(a.started), reverse=True))


def last_failure(world: World, instance: InstanceId, verbs: frozenset[str]) -> ActionFailure | None:
    """Return the failure of the newest action with one of those names; None where it has none.

    Args:
        world: the cloud.
        instance: its id.
        verbs: names of actions, such as ``live-migration`` or ``migrate``.
    """
    path = f"/servers/{instance}/os-instance-actions"
    actions = world.openstack.get("compute", path, version=MICROVERSION)["instanceActions"]
    newest = next((a for a in actions if a["action"] in verbs), None)
    if newest is None:
        return None
    detail = world.openstack.get("compute", f"{path}/{newest['request_id']}", version=MICROVERSION)["instanceAction"]
    events = sorted(detail.get("events") or [], key=lambda e: e.get("start_time") or "")
    failed = next((e for e in events if e.get("result") == "Error"), None)
    if failed is None:
        return None
    return ActionFailure(
        event=failed["event"],
        host=failed.get("host") or "",
        details=failed.get("details") or "",
        request_id=newest["request_id"],
    )


def _of_json(action: Mapping[str, Any]) -> InstanceAction:
    return InstanceAction(
        verb=action["action"],
        request=action["request_id"],
        user=action.get("user_id") or "",
        started=utc(action.get("start_time")),
        failed=action.get("message") == "Error",
    )
