"""Pause an instance by its node's libvirt, nova not asked, so that its disks can be read; and let it go on."""

from __future__ import annotations

from typing import Any, Unpack

from stackmend.actions import rescue_node
from stackmend.actions.base import Action, Context
from stackmend.actions.steps import Place, on_node
from stackmend.adapters.world import World
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.rescue import Guarded
from stackmend.errors import Code, Failed


class PauseInstance(Action):
    """Have libvirt pause an instance; nova takes note of it and leaves it alone. Parameters: node, instance, name."""

    name = "rescue.pause"

    @classmethod
    def step(cls, guarded: Guarded, **place: Unpack[Place]) -> Step:
        """Return the step that pauses it."""
        command = f"virsh suspend {guarded.instance}"
        return on_node(cls.name, f"Pause {guarded.name} by libvirt", dict(guarded.to_json()), (command,), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Fail where it does not run, unless an earlier attempt of this step has begun."""
        guarded = Guarded.of(params)
        there = rescue_node.state(world, guarded)
        if context.former_change is None and there.domain != "running":
            raise Failed(
                Code.INSTANCE_CHANGED,
                f"{guarded.name} is {there.domain or 'unknown'} by libvirt: it was to be paused",
                evidence={"host": guarded.node, "instance": guarded.instance},
            )
        return Do(params, f"{guarded.name} is {there.domain}; it is paused")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:  # noqa: ARG002
        """Tell the guard, then libvirt."""
        guarded = Guarded.of(change)
        rescue_node.pause(world, guarded)
        return Receipt(f"{guarded.name} is paused", {"at": world.clock.now().isoformat()}, ("virsh suspend",))

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Let it go on."""
        return _unpause(world, Guarded.of(change))


class UnpauseInstance(Action):
    """Have libvirt resume an instance that a rescue has paused. Parameters and change: node, instance, name."""

    name = "rescue.unpause"

    @classmethod
    def step(cls, guarded: Guarded, **place: Unpack[Place]) -> Step:
        """Return the step that resumes it."""
        command = f"virsh resume {guarded.instance}"
        return on_node(cls.name, f"Resume {guarded.name} by libvirt", dict(guarded.to_json()), (command,), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:  # noqa: ARG002
        """Skip where no rescue has paused it."""
        guarded = Guarded.of(params)
        if not rescue_node.state(world, guarded).pausing:
            return Skip(f"no rescue has paused {guarded.name}")
        return Do(dict(params), f"{guarded.name} is to run again")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:  # noqa: ARG002
        """Resume it, and see that it runs."""
        return Receipt(_unpause(world, Guarded.of(change)), {}, ("virsh resume",))


def _unpause(world: World, guarded: Guarded) -> str:
    """Have it run again; return a sentence.

    Raises:
        Failed: INSTANCE_NOT_RESUMED; it is paused yet, or it is off, as after a reboot of its node.
    """
    state = rescue_node.unpause(world, guarded)
    if state == "running":
        return f"{guarded.name} runs again, by libvirt"
    raise Failed(
        Code.INSTANCE_NOT_RESUMED,
        f"{guarded.name} is {state or 'unknown'} by libvirt, and not running",
        hint=f"one whose node rebooted is started by: stackmend instance start {guarded.instance}; then try again",
        evidence={"host": guarded.node, "instance": guarded.instance},
    )
