"""Have nova detach a volume, and attach it: safe to ask for again after a kill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stackmend.actions.base import Context
from stackmend.actions.volume_repair import look, reset
from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.volume import VolumeCure, VolumeMapping
from stackmend.errors import Code, Failed, StackmendError
from stackmend.facts import volumes

MOVE_SECONDS = 240.0
"""How long nova may take to detach or to attach: it tries a detach 8 times, 20 s each."""
REST_SECONDS = 30.0
"""How long an undo waits for a detach that nova may be at; one that was found stuck stays detaching."""
HOLD = "hold"


def mapping_of(world: World, cure: VolumeCure) -> VolumeMapping | None:
    """Return nova's mapping of the volume to the instance; None for none."""
    found = patiently(world.clock, lambda: volumes.of_instance(world, cure.instance))
    return next((m for m in found if m.volume == cure.volume), None)


def detach(world: World, cure: VolumeCure, context: Context) -> None:
    """Have nova end its former attachment, and wait until the volume is free of it.

    Nova detaches only what Cinder has in use, so a status that says otherwise is written first. Where Cinder has no
    attachment, one is made for the time, which keeps others from the volume too; nova ends its record all the same.

    Raises:
        Failed: VOLUME_NOT_MENDED where that takes too long.
    """
    context.progress(f"detaching {cure.name}")
    hold = "" if cure.record else _hold(world, cure, context)
    untrue = cure.former == "detaching" or not cure.record
    # a detach that was begun before a kill goes on; one that was stuck is begun anew, which does no harm to the other
    if mapping_of(world, cure) is not None and (untrue or look(world, cure.volume)[0].status != "detaching"):
        if untrue:
            reset(world, cure.volume, "in-use", "attached")
        _end(world, cure)

    def free() -> bool | None:
        mapping, (volume, attachments) = mapping_of(world, cure), look(world, cure.volume)
        if mapping is not None:
            # nova sets it back to in-use where it gives a detach up
            _see_that_it_goes_on(cure, volume.status, {a.id for a in attachments} & {cure.attachment, hold})
            return None
        let_go(world, hold)
        volume, attachments = look(world, cure.volume)
        if untrue and not attachments and volume.status != "available":
            reset(world, cure.volume, "available", "detached")
            return None
        gone = all(a.id not in {cure.attachment, hold} for a in attachments)
        return True if gone and (attachments or volume.status == "available") else None

    _await(world, cure, free, "detached")


def _see_that_it_goes_on(cure: VolumeCure, status: str, left: set[str]) -> None:
    if status == "in-use" and left:
        raise Failed(
            Code.VOLUME_NOT_MENDED,
            f"nova gave up detaching {cure.name} from {cure.instance_name}",
            hint=f"`openstack server event list {cure.instance}` and nova-compute's log on {cure.node} tell why",
        )


def come_to_rest(world: World, cure: VolumeCure) -> None:
    """Wait for a detach that nova may still be carrying out, as after a kill."""

    def rested() -> bool | None:
        return True if mapping_of(world, cure) is None or look(world, cure.volume)[0].status != "detaching" else None

    world.clock.wait_for(rested, timeout=REST_SECONDS, interval=1.0)


def give_back(world: World, cure: VolumeCure, context: Context) -> str:
    """Undo a detach that nova has not carried out, and return what is so: Cinder's records are as they were found."""
    let_go(world, _held(context))
    volume, attachments = look(world, cure.volume)
    if volume.status not in {"in-use", "available", cure.former}:
        return f"nova has {cure.name} attached to {cure.instance_name}, and somebody has it {volume.status}: it is left"
    if volume.status != cure.former and (attachments or cure.former != "in-use"):
        reset(world, cure.volume, cure.former)
        return f"nova has {cure.name} attached to {cure.instance_name} and Cinder has it {cure.former}, as before"
    return f"nova has {cure.name} attached to {cure.instance_name}, as before; Cinder has it {volume.status}"


def _hold(world: World, cure: VolumeCure, context: Context) -> str:
    """Return the attachment that stands in for the one that Cinder lacks; empty where it is needed no more."""
    mapping, held = mapping_of(world, cure), _held(context)
    if mapping is None and held:
        return held
    volume, attachments = look(world, cure.volume)
    # nova makes none while it has its record: one that is there was made right before a kill, or by a failed attempt
    made = next((a.id for a in attachments if a.instance == cure.instance), "")
    if mapping is None:
        return made
    if not made:
        if volume.status != "available":
            reset(world, cure.volume, "available", "detached")
        body = {"attachment": {"volume_uuid": cure.volume, "instance_uuid": cure.instance}}
        answer = world.openstack.post(volumes.CINDER, "/attachments", body, version=volumes.CINDER_VERSION)
        made = str(answer["attachment"]["id"])
    context.note({HOLD: made}, f"attachment {made} keeps others from {cure.name} meanwhile")
    return made


def _held(context: Context) -> str:
    return next((str(note[HOLD]) for note in context.notes if HOLD in note), "")


def let_go(world: World, attachment: str) -> None:
    """Delete an attachment in Cinder, where it is there."""
    if not attachment:
        return
    try:
        world.openstack.delete(volumes.CINDER, f"/attachments/{attachment}", version=volumes.CINDER_VERSION)
    except StackmendError as error:
        if error.code is not Code.API_NOT_FOUND:
            raise


def attach(world: World, cure: VolumeCure, context: Context) -> VolumeMapping:
    """Have nova attach it as it was, and wait until Cinder has it in use.

    Raises:
        Failed: VOLUME_NOT_MENDED where that takes too long, or nova gives it up.
    """
    context.progress(f"attaching {cure.name}")
    wanted: dict[str, Any] = {"volumeId": cure.volume, "delete_on_termination": cure.goes_with}
    wanted |= {"device": cure.device} if cure.device else {}
    wanted |= {"tag": cure.tag} if cure.tag else {}
    path = f"/servers/{cure.instance}/os-volume_attachments"
    try:
        world.openstack.post("compute", path, {"volumeAttachment": wanted}, version=volumes.NOVA_VERSION)
    except StackmendError as error:
        # one that was asked for before a kill may have come through meanwhile
        if error.code not in {Code.API_CONFLICT, Code.API_ERROR} or mapping_of(world, cure) is None:
            raise

    def used() -> bool | None:
        return True if look(world, cure.volume)[0].status == "in-use" else None

    _await(world, cure, used, "attached")
    mapping = mapping_of(world, cure)
    if mapping is None:
        raise Failed(Code.VOLUME_NOT_MENDED, f"nova gave up attaching {cure.name} to {cure.instance_name}")
    return mapping


def _end(world: World, cure: VolumeCure) -> None:
    path = f"/servers/{cure.instance}/os-volume_attachments/{cure.volume}"
    try:
        world.openstack.delete("compute", path, version=volumes.NOVA_VERSION)
    except StackmendError as error:
        if error.code is not Code.API_NOT_FOUND:  # one that was asked for before a kill has come through
            raise


def _await(world: World, cure: VolumeCure, question: Callable[[], bool | None], done: str) -> None:
    if world.clock.wait_for(question, timeout=MOVE_SECONDS, interval=1.0) is None:
        status = look(world, cure.volume)[0].status
        raise Failed(
            Code.VOLUME_NOT_MENDED,
            f"{cure.name} is not {done} after {MOVE_SECONDS:.0f} s: Cinder has it {status}",
            hint=f"`openstack server event list {cure.instance}` tells what nova came to; retry goes on",
        )
