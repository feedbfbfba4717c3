"""What an evacuation that nova has dropped leaves behind on its target, where that is in the way of the next one."""

from __future__ import annotations

from stackmend.adapters.world import World
from stackmend.domain.values import InstanceId, NodeName
from stackmend.facts import placement

_UNDEFINE = """
state=$(virsh -r -q -c qemu:///system domstate {instance} 2>/dev/null) || exit 0
case $state in "shut off") virsh -q -c qemu:///system undefine {instance} ;; *) echo "it is $state" >&2; exit 1 ;; esac
"""


def clear(world: World, instance: InstanceId, dropped: NodeName, target: NodeName) -> tuple[str, ...]:
    """Give back the share that placement holds on a former target, and let the next target take the instance.

    Nova adds a share for each evacuation and takes none from a target that died: it would be counted for ever, twice
    where the same node is the target again. And a node refuses an instance that its libvirt has defined. Doing it twice
    does no harm.

    Args:
        world: the cloud.
        instance: that nova records elsewhere, and that is shown not to run on ``dropped``.
        dropped: the former target.
        target: the next one.

    Returns:
        What was done, as commands.

    Raises:
        Failed: it could not be done, or the domain is no longer shut off.
    """
    words = _give_back(world, instance, dropped)
    if dropped == target:
        world.ssh.run(target, _UNDEFINE.format(instance=instance))
        words += (f"virsh undefine {instance}, on {target}, where it was defined",)
    return words


def _give_back(world: World, instance: InstanceId, node: NodeName) -> tuple[str, ...]:
    record, nodes = placement.allocations(world, instance)
    kept = {uuid: held for uuid, held in record["allocations"].items() if nodes[uuid] != node}
    if not kept or len(kept) == len(record["allocations"]):
        return ()
    placement.write(world, instance, record, kept)
    return (f"PUT /allocations/{instance} without its share of {node}",)
