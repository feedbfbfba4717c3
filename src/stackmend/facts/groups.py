"""Nova's server groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackmend.adapters.world import World
from stackmend.domain.instance import ServerGroup
from stackmend.domain.values import InstanceId

MICROVERSION = "2.64"
"""A group has one policy, and says it in one word, since this microversion."""

PAGE = 500


def all_groups(world: World) -> tuple[ServerGroup, ...]:
    """Return the server groups of all projects.

    Raises:
        Failed: nova could not be asked.
    """
    found: list[dict[str, Any]] = []
    while True:
        params: dict[str, str | int] = {"all_projects": "true", "limit": PAGE, "offset": len(found)}
        page = world.openstack.get("compute", "/os-server-groups", version=MICROVERSION, params=params)["server_groups"]
        found += page
        if len(page) < PAGE:
            return tuple(_of_json(group) for group in found)


def _of_json(group: Mapping[str, Any]) -> ServerGroup:
    members = tuple(InstanceId(member) for member in group["members"])
    return ServerGroup(group["id"], group["name"], group["policy"], members)
