"""Delete an attachment of Cinder's that nothing else knows of, so that the volume can be used again."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from stackmend.actions.base import Action, Context
from stackmend.actions.steps import Place
from stackmend.actions.volume_moving import let_go
from stackmend.actions.volume_repair import READ_BACK_SECONDS, decide, look, repair_step, reset
from stackmend.adapters.world import World
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.volume import VolumeCure
from stackmend.errors import Code, Failed
from stackmend.facts import volumes
from stackmend.rules.volumes import PASSING, RESERVED


class ReleaseVolume(Action):
    """Delete an attachment in Cinder after nova, every libvirt concerned and Ceph were shown not to use it.

    Cinder asks nova once more and refuses where nova uses it (OSSA-2023-003). Parameters: cure, settled (seconds).
    Change: the cure, the former status and attachment included.
    """

    name: ClassVar[str] = "volume.release"

    @classmethod
    def step(cls, cure: VolumeCure, settled: float, **place: Unpack[Place]) -> Step:
        """Return the step that deletes an attachment."""
        title = f"Release {cure.name} from {cure.instance_name}: delete its {cure.attachment_status} attachment"
        return repair_step(cls.name, title, cure, settled, _words(cure), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Ask every witness again."""
        return decide(world, params, context)

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:  # noqa: ARG002
        """Delete the attachment; where Cinder leaves the volume's status as it was, write what is so."""
        cure = VolumeCure.from_json(change)
        let_go(world, cure.attachment)
        volume, attachments = look(world, cure.volume)
        if not attachments and volume.status in PASSING:
            reset(world, cure.volume, cure.wanted, "detached")
        data = {"former": cure.former, "attachment": cure.attachment, "instance": cure.instance}
        return Receipt(f"{cure.name} is released from {cure.instance_name}", data, _words(cure))

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """See that the attachment is gone and the volume has the status that follows."""
        cure = VolumeCure.from_json(change)

        def mended() -> Receipt | None:
            volume, attachments = look(world, cure.volume)
            gone = all(a.id != cure.attachment for a in attachments)
            # where others use it too, its status is theirs, and judged by itself
            return receipt if gone and (attachments or volume.status == cure.wanted) else None

        found = world.clock.wait_for(mended, timeout=READ_BACK_SECONDS, interval=1.0)
        if found is None:
            volume, attachments = look(world, cure.volume)
            left = ", ".join(f"{a.id} {a.status}" for a in attachments) or "none"
            sentence = f"{cure.name} is {volume.status}, not {cure.wanted}; its attachments: {left}"
            raise Failed(Code.VOLUME_NOT_MENDED, sentence, hint="see cinder-volume's log; retry looks again")
        return found

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Make the reservation again with the former status; an attachment that had been made can't be made again."""
        cure = VolumeCure.from_json(change)
        if cure.attachment_status != RESERVED:
            was = f"its {cure.attachment_status} attachment led to no device, and is not made again"
            return f"{cure.name} stays released: {was}"
        volume, attachments = look(world, cure.volume)
        if not any(a.instance == cure.instance for a in attachments):
            if volume.status != cure.wanted:
                return f"{cure.name} is {volume.status} by now: somebody changed it, so it is left"
            body = {"attachment": {"volume_uuid": cure.volume, "instance_uuid": cure.instance}}
            world.openstack.post(volumes.CINDER, "/attachments", body, version=volumes.CINDER_VERSION)
        if look(world, cure.volume)[0].status != cure.former:
            reset(world, cure.volume, cure.former)
        return f"{cure.name} is {cure.former} and reserved for {cure.instance_name} again, by a new attachment"


def _words(cure: VolumeCure) -> tuple[str, ...]:
    return (f"openstack --os-volume-api-version 3.27 volume attachment delete {cure.attachment}",)
