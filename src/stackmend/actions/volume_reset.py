"""Set a volume's status to what is so, where it has stuck."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from stackmend.actions.base import Action, Context
from stackmend.actions.steps import Place
from stackmend.actions.volume_repair import decide, look, read_back, repair_step, reset
from stackmend.adapters.world import World
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.volume import VolumeCure


class ResetVolume(Action):
    """Write the status of a volume that every witness shows: in-use, or available.

    Parameters: cure, settled (seconds). Change: the cure, the former status included.
    """

    name: ClassVar[str] = "volume.reset"

    @classmethod
    def step(cls, cure: VolumeCure, settled: float, **place: Unpack[Place]) -> Step:
        """Return the step that sets a volume's status."""
        title = f"Set {cure.name} from {cure.former} to {cure.wanted}"
        return repair_step(cls.name, title, cure, settled, _words(cure), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Ask every witness again."""
        return decide(world, params, context)

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:  # noqa: ARG002
        """Write the status, unless it is so already."""
        cure = VolumeCure.from_json(change)
        if look(world, cure.volume)[0].status != cure.wanted:
            reset(world, cure.volume, cure.wanted, "attached" if cure.wanted == "in-use" else "detached")
        return Receipt(f"{cure.name} is {cure.wanted}; it was {cure.former}", {"former": cure.former}, _words(cure))

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """See that all witnesses agree now."""
        return read_back(world, VolumeCure.from_json(change), receipt)

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Write the former status again, unless somebody has changed it meanwhile."""
        cure = VolumeCure.from_json(change)
        now = look(world, cure.volume)[0].status
        if now not in {cure.wanted, cure.former}:
            return f"{cure.name} is {now} by now: somebody changed it, so it is left"
        if now == cure.wanted:
            reset(world, cure.volume, cure.former)
        return f"{cure.name} is {cure.former} again, as it was found"


def _words(cure: VolumeCure) -> tuple[str, ...]:
    attached = "--attached" if cure.wanted == "in-use" else "--detached"
    return (f"openstack volume set --state {cure.wanted} {attached} {cure.volume}",)
