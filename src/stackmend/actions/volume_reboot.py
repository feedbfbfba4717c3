"""Reboot an instance hard, so that nova makes its domain again with the volumes that it has attached."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from stackmend.actions.base import Action, Context
from stackmend.actions.powering import UP_SECONDS, bring_up, how_it_is, newest_request
from stackmend.actions.steps import Place
from stackmend.actions.volume_moving import let_go
from stackmend.actions.volume_repair import decide, look, read_back, repair_step
from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.bring_up import BringUp
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.volume import VolumeCure
from stackmend.errors import Code, Failed
from stackmend.facts import volumes
from stackmend.rules.volumes import RESERVED

WRONG = frozenset(
    {
        "volume-half-attached",
        "volume-not-in-domain",
        "volume-not-opened",
        "volume-under-way",
        "volume-unknown-to-cinder",
        "volume-unknown-to-nova",
    }
)
"""What must be gone after it."""


class RebootForVolume(Action):
    """Reboot an instance whose domain has a volume that nova has not, lacks one that nova has, or never got it.

    Only where somebody allowed it by the instance's name. A nova of 2023.2 or later deletes at a reboot each record of
    a volume that Cinder or nova alone has; where that would take another volume, nothing is done. Parameters: cure,
    settled (seconds). Change: the cure, and the order of the reboot.
    """

    name: ClassVar[str] = "volume.reboot"

    @classmethod
    def step(cls, cure: VolumeCure, settled: float, **place: Unpack[Place]) -> Step:
        """Return the step that reboots a volume's instance hard."""
        title = f"Reboot {cure.instance_name} hard, so that its domain and nova agree on {cure.name}"
        return repair_step(cls.name, title, cure, settled, _words(cure), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Ask every witness again, and whether the reboot would take another volume of the instance."""
        decision = decide(world, params, context)
        if isinstance(decision, Skip):
            return decision
        cure = VolumeCure.from_json(params["cure"])
        _see_to_others(world, cure)
        before = how_it_is(world, cure.node, cure.instance)
        order = BringUp(
            instance=cure.instance,
            name=cure.instance_name,
            node=cure.node,
            how="hard",
            vm_state="active",
            process=before.process,
            after=newest_request(world, cure.instance),
            seconds=UP_SECONDS,
        )
        return Do({"cure": cure.to_json(), "order": order.to_json()}, decision.sentence)

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Delete an attachment that leads nowhere, then reboot, or go on with a reboot that was begun."""
        order, cure = BringUp.from_json(change["order"]), VolumeCure.from_json(change["cure"])
        if cure.attachment_status == RESERVED:
            let_go(world, cure.attachment)
        why_not = bring_up(world, order, context)
        if why_not:
            raise Failed(
                Code.INSTANCE_NOT_UP,
                f"{order.name} does not run after its hard reboot: {why_not}",
                hint="`stackmend instance diagnose` tells why; retry reboots it again",
                evidence={"instance": order.instance, "host": order.node},
            )
        data = {"instance": cure.instance, "volume": cure.volume, "former": cure.former}
        return Receipt(f"{order.name} was rebooted hard for {cure.name}", data, _words(cure))

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """See that its domain and nova agree on the volume; what Cinder has beside them is looked at anew."""
        cure = VolumeCure.from_json(change["cure"])
        return read_back(world, cure, receipt, lambda finding: finding.code in WRONG)

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Say that there is nothing to give back."""
        return f"a reboot of {change['order']['name']} cannot be taken back"


def _see_to_others(world: World, cure: VolumeCure) -> None:
    """See that Cinder has the attachment of each other volume of the instance.

    Raises:
        Failed: VOLUME_CHANGED where it lacks one: nova forgets that volume when it reboots the instance.
    """
    for mapping in patiently(world.clock, lambda: volumes.of_instance(world, cure.instance)):
        attachments = look(world, mapping.volume)[1]
        if mapping.volume != cure.volume and all(a.id != mapping.attachment for a in attachments):
            raise Failed(
                Code.VOLUME_CHANGED,
                f"a reboot of {cure.instance_name} would end nova's record of {mapping.volume} as well: "
                f"Cinder has no attachment {mapping.attachment}",
                hint=f"repair that first: `stackmend volume diagnose {mapping.volume}`",
            )


def _words(cure: VolumeCure) -> tuple[str, ...]:
    reserved = cure.attachment_status == RESERVED
    before = (f"openstack --os-volume-api-version 3.27 volume attachment delete {cure.attachment}",) if reserved else ()
    return (*before, f"openstack server reboot --hard {cure.instance}")
