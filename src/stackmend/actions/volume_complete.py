"""Complete an attachment in Cinder that the domain rests on already."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from stackmend.actions.base import Action, Context
from stackmend.actions.steps import Place
from stackmend.actions.volume_repair import decide, look, read_back, repair_step
from stackmend.adapters.world import World
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.volume import VolumeCure
from stackmend.facts import volumes

COMPLETE_VERSION = "3.44"
"""Of Rocky: the first in which an attachment is completed by a call of its own."""


class CompleteVolume(Action):
    """Make the call that nova-compute did not come to: the attachment is complete, the volume in use.

    Parameters: cure, settled (seconds). Change: the cure, Cinder's former record included.
    """

    name: ClassVar[str] = "volume.complete"

    @classmethod
    def step(cls, cure: VolumeCure, settled: float, **place: Unpack[Place]) -> Step:
        """Return the step that completes an attachment."""
        title = f"Complete the {cure.attachment_status} attachment of {cure.name} to {cure.instance_name}"
        return repair_step(cls.name, title, cure, settled, _words(cure), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Ask every witness again."""
        return decide(world, params, context)

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:  # noqa: ARG002
        """Complete it, unless it is so already."""
        cure = VolumeCure.from_json(change)
        attachments = look(world, cure.volume)[1]
        if any(a.id == cure.attachment and a.status != "attached" for a in attachments):
            path = f"/attachments/{cure.attachment}/action"
            world.openstack.post(volumes.CINDER, path, {"os-complete": {}}, version=COMPLETE_VERSION)
        data = {"former": cure.former, "attachment": cure.attachment, "was": cure.attachment_status}
        return Receipt(f"the attachment of {cure.name} to {cure.instance_name} is complete", data, _words(cure))

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """See that all witnesses agree now."""
        return read_back(world, VolumeCure.from_json(change), receipt)

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Leave it: the guest uses the volume, and no call makes an attachment incomplete."""
        cure = VolumeCure.from_json(change)
        return f"the attachment of {cure.name} stays complete: {cure.instance_name} uses it, as it did before"


def _words(cure: VolumeCure) -> tuple[str, ...]:
    return (f"openstack --os-volume-api-version {COMPLETE_VERSION} volume attachment complete {cure.attachment}",)
