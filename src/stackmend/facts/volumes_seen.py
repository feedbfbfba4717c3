"""Which volumes libvirt has given to an instance."""

from __future__ import annotations

import re

from stackmend.adapters.world import World
from stackmend.domain.values import InstanceId, NodeName

_SERIAL = re.compile(r"<serial>([0-9a-f-]{36})</serial>")


def in_domain(world: World, node: NodeName, instance: InstanceId) -> frozenset[str]:
    """Return the volumes among an instance's disks, by the serial that nova gives a disk: the volume's id.

    Raises:
        Failed: the node or its libvirt could not be asked.
    """
    xml = world.ssh.run(node, f"virsh -r -q -c qemu:///system dumpxml {instance}").stdout
    return frozenset(_SERIAL.findall(xml))
