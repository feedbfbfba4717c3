"""End nova's record of a volume that the instance's domain has let go of."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from stackmend.actions.base import Action, Context
from stackmend.actions.steps import Place
from stackmend.actions.volume_moving import attach, come_to_rest, detach, give_back, mapping_of
from stackmend.actions.volume_repair import decide, look, read_back, repair_step
from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.volume import VolumeCure
from stackmend.facts import instances


class DetachVolume(Action):
    """End by nova a detach that got stuck after the domain had let go of the volume, or that Cinder alone has ended.

    Parameters: cure, settled (seconds). Change: the cure, nova's and Cinder's former records included.
    """

    name: ClassVar[str] = "volume.detach"

    @classmethod
    def step(cls, cure: VolumeCure, settled: float, **place: Unpack[Place]) -> Step:
        """Return the step that ends an attachment in nova and Cinder."""
        title = f"End the attachment of {cure.name} to {cure.instance_name}, whose domain has it no more"
        return repair_step(cls.name, title, cure, settled, _words(cure), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Ask every witness again."""
        return decide(world, params, context)

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Have nova detach it, unless that is done or begun."""
        cure = VolumeCure.from_json(change)
        mapping = mapping_of(world, cure)
        if mapping is None or mapping.attachment == cure.attachment:
            detach(world, cure, context)
        data = {"instance": cure.instance, "volume": cure.volume, "former": cure.former, "attachment": cure.attachment}
        return Receipt(f"{cure.name} is detached from {cure.instance_name}", data, _words(cure))

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """See that all witnesses agree that it is free."""
        return read_back(world, VolumeCure.from_json(change), receipt)

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:
        """Attach it again where it was detached: the records come back, and the device that was lost does too."""
        cure = VolumeCure.from_json(change)
        if patiently(world.clock, lambda: instances.get(world, cure.instance)) is None:
            return f"{cure.instance_name} was deleted meanwhile"
        come_to_rest(world, cure)
        if mapping_of(world, cure) is not None:
            return give_back(world, cure, context)
        volume, attachments = look(world, cure.volume)
        if volume.status != "available" or attachments:
            return f"{cure.name} is {volume.status} by now: somebody uses it elsewhere, so it is left"
        attach(world, cure, context)
        return (
            f"{cure.name} is attached to {cure.instance_name} again, by a new attachment and with its device: "
            f"that it was {cure.former} and in no domain is not made again"
        )


def _words(cure: VolumeCure) -> tuple[str, ...]:
    before = (f"openstack volume set --state in-use --attached {cure.volume}",) if cure.former != "in-use" else ()
    return (*before, f"openstack server remove volume {cure.instance} {cure.volume}")
