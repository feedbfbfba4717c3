"""Detach a volume that a domain lacks, or Cinder has forgotten, and attach it again, once the instance has booted."""

from __future__ import annotations

import re
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
from stackmend.errors import Code, Failed
from stackmend.facts import console, instances
from stackmend.rules.console import plain
from stackmend.rules.volumes import PROMPT

BOOT_SECONDS = 120.0
"""How long an instance may take to come to its prompt."""
CONSOLE_LINES = 20


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
        mapping = mapping_of(world, cure)
        if mapping is None or mapping.attachment == cure.attachment:
            detach(world, cure, context)
            mapping = mapping_of(world, cure)
        if mapping is None:
            mapping = attach(world, cure, context)
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
        come_to_rest(world, cure)
        mapping = mapping_of(world, cure)
        if mapping is not None and mapping.attachment == cure.attachment and not cure.record:
            return give_back(world, cure, context)
        if mapping is not None:
            return f"{cure.name} is attached to {cure.instance_name}, as nova had it before"
        volume, attachments = look(world, cure.volume)
        if volume.status != "available" or attachments:
            return f"{cure.name} is {volume.status} by now: somebody uses it elsewhere, so it is left"
        attach(world, cure, context)
        return f"{cure.name} is attached to {cure.instance_name} again"


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


def _words(cure: VolumeCure) -> tuple[str, ...]:
    device = f" --device {cure.device}" if cure.device else ""
    return (
        f"openstack server remove volume {cure.instance} {cure.volume}",
        f"openstack server add volume{device} {cure.instance} {cure.volume}",
    )
