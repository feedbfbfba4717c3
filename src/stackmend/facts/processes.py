"""Which start of a domain this is: what a reboot must have changed."""

from __future__ import annotations

from dataclasses import dataclass

from stackmend.adapters.world import World
from stackmend.domain.values import InstanceId, NodeName

PROCESS = r"""
ask() { timeout 20 virsh -r -q -c qemu:///system "$@"; }
process() {
  pid=$(cat "/run/libvirt/qemu/$(ask domname "$1").pid" 2>/dev/null) || return 0
  echo "$(ask domid "$1") $pid $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d' ' -f20)"
}"""
"""Shell functions: ``process UUID`` prints libvirt's number of the running domain, QEMU's process and its start."""

_LOOK = """
ids=$(ask list --all --uuid) || exit
case "$ids" in *{instance}*) ask domstate {instance} | head -n 1; process {instance} ;; esac
"""


@dataclass(frozen=True)
class Running:
    """A domain as it is now.

    Attributes:
        state: ``virsh domstate``; empty where libvirt does not have it.
        process: what tells this start of it from others; empty while it does not run.
    """

    state: str = ""
    process: str = ""


def running(world: World, node: NodeName, instance: InstanceId) -> Running:
    """Return how a domain is on a node.

    Raises:
        Failed: the node or its libvirt could not be asked.
    """
    lines = world.ssh.run(node, PROCESS + _LOOK.format(instance=instance)).stdout.splitlines()
    shown = [line.strip() for line in lines if line.strip()]
    return Running(*shown[:2])
