"""The part of a recovery that starts instances elsewhere by a change of nova's rows: all rows, then one by one."""

from __future__ import annotations

from collections.abc import Sequence

from stackmend.actions.relocated import RebootRelocated, SettleRelocated
from stackmend.actions.relocating import RelocateRows
from stackmend.domain.plan import Step
from stackmend.domain.recovery import Rescue
from stackmend.domain.values import StepId


def relocations(
    rescues: Sequence[Rescue], fence: StepId, lane: str, group: tuple[str, ...], needs: tuple[StepId, ...]
) -> tuple[Step, ...]:
    """Return the step that changes the rows, and for each instance what follows; none where nothing is moved.

    Args:
        rescues: of all instances, in the order in which they are started; those that are moved go to one target.
        fence: the step that fences their node.
        lane: what they count against, one by one.
        group: headings.
        needs: steps before.
    """
    moving = [r for r in rescues if r.target is not None]
    if not moving or moving[0].target is None:
        return ()
    rows = RelocateRows.step((r.stranded.instance for r in moving), moving[0].target, fence, group=group, needs=needs)
    steps = [rows]
    for instance in (r.stranded.instance for r in moving):
        settle = SettleRelocated.step(instance, rows, lane=lane, group=group)
        steps.append(settle)
        if instance.vm_state == "active":
            steps.append(RebootRelocated.after(instance, settle, rows))
    return tuple(steps)
