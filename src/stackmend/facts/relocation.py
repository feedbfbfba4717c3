"""What is known before nova's rows are changed: the target's own row, and what ties each instance to its node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stackmend.adapters.world import World
from stackmend.domain.recovery import Stranded
from stackmend.domain.relocation import Ties
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, Refused
from stackmend.facts import instances, migrations, nova_rows, placement, volumes
from stackmend.facts.concurrently import each
from stackmend.rules.migration import Phase, phase
from stackmend.rules.relocation import why_tied

ATTACHMENT_VERSION = "3.27"


def tied(world: World, source: NodeName, stranded: Iterable[Stranded]) -> dict[InstanceId, str]:
    """Return why instances can't go by a change of their rows; nothing of those that can.

    Raises:
        Failed: nova, neutron, Cinder or placement could not be asked.
    """
    found = each(lambda i: why_tied(ties(world, source, i)), [s.instance.id for s in stranded])
    return {instance: why for instance, why in found.items() if why}


def see_same_cell(world: World, source: NodeName, target: NodeName) -> None:
    """See that the rows of both nodes are in one cell.

    Raises:
        Refused: NO_TARGET where they are not, or the target has not one row.
        Failed: DATABASE_UNREACHABLE, DATABASE_REFUSED.
    """
    there = nova_rows.seat(world, target)
    if nova_rows.seat(world, source).cell != there.cell:
        raise Refused(
            Code.NO_TARGET,
            f"{source} and {target} are in two cells of nova, and an instance's row can't go from one to the other",
            hint="name another --target",
        )


def ties(world: World, source: NodeName, instance: InstanceId) -> Ties:
    """Return what ties one instance to its node.

    Raises:
        Failed: nova, neutron, Cinder or placement could not be asked.
    """
    server = world.openstack.get("compute", f"/servers/{instance}", version=instances.MICROVERSION)["server"]
    ports = world.openstack.get_list("network", "/ports", "ports", params={"device_id": instance})
    topology = world.openstack.get("compute", f"/servers/{instance}/topology", version=instances.MICROVERSION)
    _, nodes = placement.allocations(world, instance)
    return Ties(
        specs=(*sorted((server.get("flavor") or {}).get("extra_specs") or ()), *nova_rows.tpm(world, instance)),
        numa=bool(topology["nodes"]),
        vnics=tuple(sorted({p.get("binding:vnic_type") or "normal" for p in ports})),
        drivers={m.volume: driver(world, m.attachment) for m in volumes.of_instance(world, instance)},
        providers=sum(node == source for node in nodes.values()),
        moving=_moving(world, instance),
    )


def _moving(world: World, instance: InstanceId) -> str:
    found = (m for m in migrations.of_instance(world, instance) if phase(m) is Phase.UNDERWAY)
    return next((f"{m.kind} {m.id} ({m.status})" for m in found), "")


def driver(world: World, attachment: str) -> str:
    """Return how a volume is reached by an attachment; empty where Cinder does not tell. Nothing else of it is kept.

    Raises:
        Failed: Cinder could not be asked.
    """
    if not attachment:
        return ""
    path = f"/attachments/{attachment}"
    record: Mapping[str, Any] = world.openstack.get(volumes.CINDER, path, version=ATTACHMENT_VERSION)["attachment"]
    return str((record.get("connection_info") or {}).get("driver_volume_type") or "")
