"""Which volumes a compute node serves itself, as a cinder-volume with LVM on it does: gone as long as the node is."""

from __future__ import annotations

from collections.abc import Iterable

from stackmend.adapters.world import World
from stackmend.domain.instance import Instance
from stackmend.domain.values import NodeName
from stackmend.errors import StackmendError
from stackmend.facts import volumes
from stackmend.facts.concurrently import each


def served_by(world: World, node: NodeName, stranded: Iterable[Instance]) -> dict[str, str]:
    """Return Cinder's ``HOST@BACKEND#POOL`` of each volume of instances that a node serves itself.

    A volume that Cinder could not be asked about is left out: its instance may be moved all the same, and nova says
    what comes of it.
    """

    def ask(volume: str) -> str:
        try:
            found = world.openstack.get(volumes.CINDER, f"/volumes/{volume}", version=volumes.CINDER_VERSION)
        except StackmendError:
            return ""
        return str(found["volume"].get("os-vol-host-attr:host") or "")

    backends = each(ask, {volume for one in stranded for volume in one.volumes})
    return {volume: backend for volume, backend in backends.items() if is_on(node, backend)}


def is_on(node: NodeName, backend: str) -> bool:
    """Return whether ``HOST@BACKEND#POOL`` names a node as its host, by its short name or its full one."""
    host = backend.partition("@")[0]
    return bool(host) and (host == node or host.partition(".")[0] == node or node.partition(".")[0] == host)
