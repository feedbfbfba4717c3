"""Arm the guard that gives an instance back whatever happens to stackmend, and disarm it when it is not needed more."""

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
from stackmend.facts import domains


class ArmGuard(Action):
    """Set up a timer on the node that ends the reading and gives the instance back when the limit has passed.

    Parameters and change: node, instance, name, limit (seconds).
    """

    name = "rescue.arm"

    @classmethod
    def step(cls, guarded: Guarded, limit: int, **place: Unpack[Place]) -> Step:
        """Return the step that arms it."""
        title = f"Have {guarded.node} give {guarded.name} back by itself after {limit} s"
        command = f"systemctl start stackmend-rescue-{guarded.instance}.timer"
        return on_node(cls.name, title, {**guarded.to_json(), "limit": limit}, (command,), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Refuse where another run's guard is there."""
        guarded = Guarded.of(params)
        there = rescue_node.state(world, guarded)
        if there.run and there.run != context.run_id:
            raise _anothers(guarded, there.run)
        return Do(params, f"{guarded.node} is to give {guarded.name} back by itself")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Write its files and start the timer."""
        guarded = Guarded.of(change)
        rescue_node.arm(world, guarded, context.run_id, change["limit"])
        return Receipt(f"{guarded.node} gives {guarded.name} back by itself after {change['limit']} s")

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """See that the timer runs."""
        guarded = Guarded.of(change)
        there = rescue_node.state(world, guarded)
        if not there.armed and not there.expired:
            raise Failed(
                Code.SERVICE_NOT_STARTED,
                f"the timer that gives {guarded.name} back does not run on {guarded.node}",
                evidence={"host": guarded.node, "unit": f"stackmend-rescue-{guarded.instance}.timer"},
            )
        return receipt

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Take it away where the instance needs it no more."""
        return _disarm(world, Guarded.of(change))


class DisarmGuard(Action):
    """Take the guard and all that the rescue left on the node away; refused while the instance is not given back.

    Parameters and change: node, instance, name.
    """

    name = "rescue.disarm"

    @classmethod
    def step(cls, guarded: Guarded, **place: Unpack[Place]) -> Step:
        """Return the step that disarms it."""
        command = f"systemctl disable --now stackmend-rescue-{guarded.instance}.timer"
        return on_node(
            cls.name, f"Take the timer away from {guarded.node}", dict(guarded.to_json()), (command,), **place
        )

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:  # noqa: ARG002
        """Do it always; what is away already stays so."""
        return Do(params, f"nothing of the rescue is to be left on {params['node']}")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:  # noqa: ARG002
        """Take it away."""
        return Receipt(_disarm(world, Guarded.of(change)))

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """See that no unit, file, loop device or mount of it is left."""
        guarded = Guarded.of(change)
        left = rescue_node.left(world, guarded)
        if left:
            raise Failed(
                Code.NODE_NOT_EMPTY,
                f"of the rescue of {guarded.name} there is left on {guarded.node}: {', '.join(left)}",
                hint="look at it on the node, then retry",
                evidence={"host": guarded.node},
            )
        return receipt


def _disarm(world: World, guarded: Guarded) -> str:
    """Take the guard away, unless libvirt still holds the instance saved by this rescue."""
    there = rescue_node.state(world, guarded)
    domain = domains.on_node(world, guarded.node).get(guarded.instance)
    if there.suspending and domain is not None and domain.saved and not domain.is_active:
        raise Failed(
            Code.INSTANCE_NOT_RESUMED,
            f"{guarded.name} is still suspended by this rescue, so {guarded.node} keeps its timer",
            hint="resume it first: retry the step that gives it back",
            evidence={"host": guarded.node, "instance": guarded.instance},
        )
    if there.pausing and there.domain == "paused":
        raise Failed(
            Code.INSTANCE_NOT_RESUMED,
            f"{guarded.name} is still paused by this rescue, so {guarded.node} keeps its timer",
            hint="resume it first: retry the step that does",
            evidence={"host": guarded.node, "instance": guarded.instance},
        )
    rescue_node.disarm(world, guarded)
    return f"nothing of the rescue is left on {guarded.node}"


def _anothers(guarded: Guarded, run: str) -> Failed:
    return Failed(
        Code.INSTANCE_CHANGED,
        f"run {run} is reading the disks of {guarded.name} on {guarded.node}",
        hint=f"wait until it has ended; or stackmend runs undo {run}",
        evidence={"host": guarded.node, "run": run},
    )
