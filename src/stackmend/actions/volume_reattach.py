"""Detach a volume that an instance's domain lacks, and attach it again, once the instance has booted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar, Unpack

from stackmend.actions.base import Action, Context
from stackmend.actions.steps import Place
from stackmend.actions.volume_repair import decide, look, read_back, repair_step
from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.volume import VolumeCure, VolumeMapping
from stackmend.errors import Code, Failed, StackmendError
from stackmend.facts import console, instances, volumes
from stackmend.rules.console import plain
from stackmend.rules.volumes import PROMPT

BOOT_SECONDS = 120.0
"""How long an instance may take to come to its prompt."""
CONSOLE_LINES = 20
MOVE_SECONDS = 240.0
"""How long nova may take to detach or to attach: it tries a detach 8 times, 20 s each."""


class ReattachVolume(Action):
    """Detach a volume and attach it again, both by nova, with the device name, tag and deletion as they were.

    Begins only when the instance's console shows its prompt. Parameters: cure, settled (seconds), prompt (a regular
    expression; empty for not to look). Change: the cure, nova's and Cinder's former records included.
    """

    name: ClassVar[str] = "volume.reattach"

    @classmethod
    def step(cls, cure: VolumeCure, settled: float, prompt: str = PROMPT, **place: Unpack[Place]) -> Step:
        """Return the step that detaches a volume and attaches it again."""
        title = f"Detach {cure.name} from {cure.instance_name} and attach it again"
        return repair_step(cls.name, title, cure, settled, _words(cure), {"prompt": prompt}, **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Ask every witness again, then wait for the instance's prompt."""
        decision = decide(world, params, context)
        if isinstance(decision, Do) and params["prompt"]:
            _await_prompt(world, VolumeCure.from_json(dict(decision.change)), params["prompt"], context)
        return decision

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Detach it where the former attachment is still there, then attach it where none is."""
        cure = VolumeCure.from_json(change)
        mapping = _mapping(world, cure)
        if mapping is not None and mapping.attachment == cure.attachment:
            _detach(world, cure, context)
            mapping = _mapping(world, cure)
        if mapping is None:
            mapping = _attach(world, cure, context)
        other = "" if mapping.device == cure.device else f" as {mapping.device}; it was {cure.device}"
        data = {"instance": cure.instance, "volume": cure.volume, "device": mapping.device, "former": cure.device}
        return Receipt(f"{cure.name} is attached to {cure.instance_name} again{other}", data, _words(cure))

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """See that all witnesses agree, the domain and QEMU too."""
        return read_back(world, VolumeCure.from_json(change), receipt)

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:
        """Attach it where it was left detached; otherwise it is attached, as it was before."""
        cure = VolumeCure.from_json(change)
        if patiently(world.clock, lambda: instances.get(world, cure.instance)) is None:
            return f"{cure.instance_name} was deleted meanwhile"
        if _mapping(world, cure) is not None:
            return f"{cure.name} is attached to {cure.instance_name}, as nova had it before"
        volume, attachments = look(world, cure.volume)
        if volume.status != "available" or attachments:
            return f"{cure.name} is {volume.status} by now: somebody uses it elsewhere, so it is left"
        _attach(world, cure, context)
        return f"{cure.name} is attached to {cure.instance_name} again"


def _mapping(world: World, cure: VolumeCure) -> VolumeMapping | None:
    found = patiently(world.clock, lambda: volumes.of_instance(world, cure.instance))
    return next((m for m in found if m.volume == cure.volume), None)


def _await_prompt(world: World, cure: VolumeCure, prompt: str, context: Context) -> None:
    """Wait until the end of the console shows the prompt.

    Raises:
        Failed: INSTANCE_NOT_READY where it does not in time.
    """
    pattern = re.compile(prompt)
    last = [""]

    def shown() -> bool | None:
        text = patiently(world.clock, lambda: console.by_nova(world, cure.instance, CONSOLE_LINES))
        lines = [plain(line).rstrip() for line in text.splitlines() if line.strip()]
        last[0] = lines[-1] if lines else "nothing"
        context.progress(f"waiting until {cure.instance_name} has booted")
        return True if any(map(pattern.search, lines)) else None

    if world.clock.wait_for(shown, timeout=BOOT_SECONDS, interval=2.0) is None:
        raise Failed(
            Code.INSTANCE_NOT_READY,
            f"the console of {cure.instance_name} does not show {prompt!r} after {BOOT_SECONDS:.0f} s",
            hint="see `stackmend instance console`; retry when it has booted, or plan again with another --prompt",
            evidence={"last line": last[0][:200]},
        )


def _detach(world: World, cure: VolumeCure, context: Context) -> None:
    """Have nova end its former attachment, and wait until the volume is free."""
    context.progress(f"detaching {cure.name}")
    path = f"/servers/{cure.instance}/os-volume_attachments/{cure.volume}"
    if look(world, cure.volume)[0].status != "detaching":  # a detach that was begun before a kill goes on
        world.openstack.delete("compute", path, version=volumes.NOVA_VERSION)

    def free() -> bool | None:
        mapping = _mapping(world, cure)
        return True if mapping is None and look(world, cure.volume)[0].status == "available" else None

    _await(world, cure, free, "detached")


def _attach(world: World, cure: VolumeCure, context: Context) -> VolumeMapping:
    """Have nova attach it, and wait until Cinder has it in use."""
    context.progress(f"attaching {cure.name}")
    wanted: dict[str, Any] = {"volumeId": cure.volume, "delete_on_termination": cure.goes_with}
    wanted |= {"device": cure.device} if cure.device else {}
    wanted |= {"tag": cure.tag} if cure.tag else {}
    path = f"/servers/{cure.instance}/os-volume_attachments"
    try:
        world.openstack.post("compute", path, {"volumeAttachment": wanted}, version=volumes.NOVA_VERSION)
    except StackmendError as error:
        # one that was asked for before a kill may have come through meanwhile
        if error.code not in {Code.API_CONFLICT, Code.API_ERROR} or _mapping(world, cure) is None:
            raise

    def used() -> bool | None:
        return True if look(world, cure.volume)[0].status == "in-use" else None

    _await(world, cure, used, "attached")
    mapping = _mapping(world, cure)
    if mapping is None:
        raise Failed(Code.VOLUME_NOT_MENDED, f"nova gave up attaching {cure.name} to {cure.instance_name}")
    return mapping


def _await(world: World, cure: VolumeCure, question: Callable[[], bool | None], done: str) -> None:
    if world.clock.wait_for(question, timeout=MOVE_SECONDS, interval=1.0) is None:
        status = look(world, cure.volume)[0].status
        raise Failed(
            Code.VOLUME_NOT_MENDED,
            f"{cure.name} is not {done} after {MOVE_SECONDS:.0f} s: Cinder has it {status}",
            hint=f"`openstack server event list {cure.instance}` tells what nova came to; retry goes on",
        )


def _words(cure: VolumeCure) -> tuple[str, ...]:
    device = f" --device {cure.device}" if cure.device else ""
    return (
        f"openstack server remove volume {cure.instance} {cure.volume}",
        f"openstack server add volume{device} {cure.instance} {cure.volume}",
    )
