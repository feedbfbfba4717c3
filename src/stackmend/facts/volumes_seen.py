"""Which volumes libvirt has given to an instance, and which of them the instance itself has found."""

from __future__ import annotations

import re
from collections.abc import Iterable

from stackmend.adapters.world import World
from stackmend.domain.instance import Instance
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import StackmendError
from stackmend.facts import volume_disks

_SERIAL = re.compile(r"<serial>([0-9a-f-]{36})</serial>")


def in_domain(world: World, node: NodeName, instance: InstanceId) -> frozenset[str]:
    """Return the volumes among an instance's disks, by the serial that nova gives a disk: the volume's id.

    Raises:
        Failed: the node or its libvirt could not be asked.
    """
    xml = world.ssh.run(node, f"virsh -r -q -c qemu:///system dumpxml {instance}").stdout
    return frozenset(_SERIAL.findall(xml))


def unread(world: World, started: Iterable[Instance]) -> dict[InstanceId, tuple[str, ...]]:
    """Return the volumes of instances that nothing inside has read from since their QEMU process began.

    An instance's kernel reads a disk when it finds it, so a volume that was read is one that the instance sees. A node
    that could not be asked has shown nothing.

    Args:
        world: the cloud.
        started: instances that run, and have begun anew where they are: one that came there by a live migration does
            not read its disks again.
    """
    with_volumes = [one for one in started if one.volumes]
    answers = volume_disks.on_nodes(world, {one.host for one in with_volumes})
    read = {
        (disk.instance, disk.volume)
        for answer in answers.values()
        if not isinstance(answer, StackmendError)
        for disk in answer.disks
        if disk.read
    }
    unseen = {one.id: tuple(v for v in one.volumes if (one.id, v) not in read) for one in with_volumes}
    return {instance: volumes for instance, volumes in unseen.items() if volumes}
