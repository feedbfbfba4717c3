"""Whether an instance may go to another node by a change of nova's row of it. Pure.

Invariant: it goes only where a hard reboot makes all of it anew: what nova-compute would claim from its own node, or
connect with its own initiator, in an evacuation is not made anew by that, and such an instance waits.
"""

from __future__ import annotations

from stackmend.domain.recovery import Stranded
from stackmend.domain.relocation import Ties

MOVABLE = frozenset({"active", "stopped"})
"""What is given back as it was by a hard reboot, or by nothing at all."""

SAME_EVERYWHERE = frozenset({"rbd", "nfs"})
"""Drivers of volumes whose connection does not name the node that made it, so that any node can use it."""

CLAIMED = ("hw:", "pci_passthrough:", "resources", "group_policy", "accel:", "trait:", "image_hw_tpm")
"""What the names begin with by which a node's own resources are claimed or kept, or only some nodes will do."""

PLAIN = frozenset({"normal"})
HARMLESS = frozenset({"hw:watchdog_action", "hw:boot_menu", "hw:serial_port_count"})
"""Extra specs of ``hw:`` that change the domain's XML alone."""


def why_tied(ties: Ties) -> str:
    """Return what ties an instance to its node so that its row can't be moved; empty for nothing."""
    if ties.moving:
        return f"nova's record of its {ties.moving} is open, and nova may go on with it"
    claimed = sorted(s for s in ties.specs if s.startswith(CLAIMED) and s not in HARMLESS)
    if claimed:
        return f"it asks for {', '.join(claimed)}, which is claimed on a node by an evacuation only"
    if ties.numa:
        return "nova has placed it on cells of its node's memory, which are claimed by an evacuation only"
    special = sorted(v for v in ties.vnics if v not in PLAIN)
    if special:
        return f"it has a port of the kind {', '.join(special)}, whose device is claimed by an evacuation only"
    far = sorted(
        f"{volume} by {driver or 'nobody knows what'}"
        for volume, driver in ties.drivers.items()
        if driver not in SAME_EVERYWHERE
    )
    if far:
        return f"it reaches its volume {', '.join(far)}, and that connection is its node's own"
    if ties.providers > 1:
        return f"placement has its allocation on {ties.providers} providers of its node, and not on one"
    return ""


def why_stays(stranded: Stranded, tied: str) -> str:
    """Return why an instance waits where nova's rows are changed; empty where its own may be."""
    instance = stranded.instance
    if instance.vm_state not in MOVABLE:
        return f"it is {instance.vm_state}, and by the database only what is active or stopped is moved"
    if instance.task_state:
        return f"nova is {instance.task_state} it, and may go on with that"
    return tied
