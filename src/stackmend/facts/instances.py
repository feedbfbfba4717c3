"""Nova's records of instances."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import ceil
from typing import Any

from stackmend.adapters.world import World
from stackmend.domain.instance import Instance, PowerState, Resources
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, Refused, StackmendError
from stackmend.facts.times import utc

MICROVERSION = "2.80"
"""Of Train. The flavor stands in the record since 2.47, the lock since 2.9, the volumes since 2.3."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def on_node(world: World, node: NodeName) -> tuple[Instance, ...]:
    """Return the instances that nova records on a node, sorted by name.

    Raises:
        Failed: nova could not be asked.
    """
    return tuple(i for i in _list(world, {"host": node}) if i.host == node)


def everywhere(world: World) -> tuple[Instance, ...]:
    """Return all instances of all projects, sorted by name.

    Raises:
        Failed: nova could not be asked.
    """
    return _list(world, {})


def get(world: World, instance: InstanceId) -> Instance | None:
    """Return one instance; None where nova has none, or it was deleted.

    Raises:
        Failed: nova could not be asked.
    """
    server = _server(world, instance)
    return None if server is None or server.get("status") in {"DELETED", "SOFT_DELETED"} else of_json(server)


def restorable(world: World, instance: InstanceId) -> Instance | None:
    """Return one instance, a soft-deleted one too, which no list shows; None where nova has none, or deleted it.

    Raises:
        Failed: nova could not be asked.
    """
    server = _server(world, instance)
    return None if server is None or server.get("status") == "DELETED" else of_json(server)


def _server(world: World, instance: InstanceId) -> dict[str, Any] | None:
    try:
        server: dict[str, Any] = world.openstack.get("compute", f"/servers/{instance}", version=MICROVERSION)["server"]
    except StackmendError as error:
        if error.code is Code.API_NOT_FOUND:
            return None
        raise
    return server


def deleted(world: World, instance: InstanceId) -> Instance | None:
    """Return the record that nova keeps of a deleted instance until it is archived; None where it has none.

    Raises:
        Failed: nova could not be asked.
    """
    found = _list(world, {"uuid": instance, "deleted": "true"})
    return next((i for i in found if i.id == instance), None)


def resolve(world: World, name_or_id: str) -> Instance:
    """Return the instance that a person means by its UUID or by its name.

    Raises:
        Refused: INSTANCE_UNKNOWN where there is none, or more than one of that name.
        Failed: nova could not be asked.
    """
    if _UUID.fullmatch(name_or_id):
        found = get(world, InstanceId(name_or_id.lower()))
        named = [found] if found else []
    else:
        pattern = f"^{re.escape(name_or_id)}$"
        named = [i for i in _list(world, {"name": pattern}) if i.name == name_or_id]
    if len(named) == 1:
        return named[0]
    if named:
        several = ", ".join(f"{i.id} on {i.host or 'no node'}" for i in named)
        raise Refused(
            Code.INSTANCE_UNKNOWN,
            f"{len(named)} instances are called {name_or_id}",
            hint=f"name one by its id: {several}",
        )
    raise Refused(Code.INSTANCE_UNKNOWN, f"nova has no instance {name_or_id}")


def of_json(server: Mapping[str, Any]) -> Instance:
    """Return an instance from nova's JSON; a record from a cell that is down lacks most of it."""
    flavor = server.get("flavor") or {}
    volumes = tuple(v["id"] for v in server.get("os-extended-volumes:volumes_attached") or ())
    on_volume = not server.get("image")
    return Instance(
        id=InstanceId(server["id"]),
        name=server.get("name") or "",
        host=NodeName(server.get("OS-EXT-SRV-ATTR:host") or ""),
        vm_state=server.get("OS-EXT-STS:vm_state") or "",
        task_state=server.get("OS-EXT-STS:task_state") or "",
        power_state=_power_state(server.get("OS-EXT-STS:power_state")),
        domain=server.get("OS-EXT-SRV-ATTR:instance_name") or "",
        locked=bool(server.get("locked")),
        resources=_resources(flavor, on_volume=on_volume),
        flavor=flavor.get("original_name") or "",
        project=server.get("tenant_id") or "",
        on_volume=on_volume,
        volumes=volumes,
        fault=(server.get("fault") or {}).get("message") or "",
        created=utc(server.get("created")),
        launched=utc(server.get("OS-SRV-USG:launched_at")),
        images=_images(server),
        image=(server.get("image") or {}).get("id") or "",
        metadata=server.get("metadata") or {},
    )


def _images(server: Mapping[str, Any]) -> tuple[str, ...]:
    own = (server.get("image") or {}).get("id")
    parts = (server.get(f"OS-EXT-SRV-ATTR:{part}_id") for part in ("kernel", "ramdisk"))
    return tuple(image for image in (own, *parts) if image)


def _list(world: World, filters: Mapping[str, str]) -> tuple[Instance, ...]:
    params = {"all_tenants": "1", **filters}
    servers = world.openstack.get_list("compute", "/servers/detail", "servers", version=MICROVERSION, params=params)
    return tuple(sorted((of_json(server) for server in servers), key=lambda i: (i.name, i.id)))


def _power_state(number: int | None) -> PowerState:
    return PowerState(number) if number in list(PowerState) else PowerState.NOSTATE


def _resources(flavor: Mapping[str, Any], *, on_volume: bool) -> Resources:
    """Return what nova asks placement for (``nova.scheduler.utils.resources_from_flavor``)."""
    root = 0 if on_volume else flavor.get("disk", 0)
    swap = ceil((flavor.get("swap") or 0) / 1024)
    return Resources(flavor.get("vcpus", 0), flavor.get("ram", 0), root + flavor.get("ephemeral", 0) + swap)
