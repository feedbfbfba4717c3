"""Hold a unit: stop it and keep it from starting, with an owner and a reason. Release it: as it was before."""

from __future__ import annotations

import getpass
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Unpack

from stackmend.actions import holding
from stackmend.actions.base import Action, Context
from stackmend.actions.steps import Place, on_node
from stackmend.adapters.world import World
from stackmend.domain.health import Held, UnitState
from stackmend.domain.node import Hook
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.values import NodeName, StepId
from stackmend.errors import Code, Failed, Refused
from stackmend.facts import units


class HoldUnit(Action):
    """Stop a unit and keep it from starting, across reboots too, until it is released.

    Configuration management agents of the node (its hooks) are disabled first. Parameters: node, units (names to try in
    turn), reason. Change: node, held (the owner file's content, with the former state), hooks.
    """

    name = "unit.hold"

    @classmethod
    def step(
        cls,
        node: NodeName,
        reason: str,
        *,
        candidates: Iterable[str] = units.NOVA_COMPUTE,
        hooks: Iterable[Hook] = (),
        **place: Unpack[Place],
    ) -> Step:
        """Return the step that holds the first of some units that the node has.

        Args:
            node: where.
            reason: the operator's.
            candidates: names of the unit, tried in turn.
            hooks: the node's, for the sentence and the commands; what runs is what the inventory says then.
            place: where the step stands in its plan.
        """
        names = tuple(candidates)
        short = names[0].removesuffix(".service")
        agents = ", ".join(h.name for h in hooks)
        title = f"Stop {short} on {node} and keep it stopped" + (f", with {agents} disabled" if agents else "")
        commands = (*(h.disable for h in hooks), f"systemctl mask --now {short}")
        params = {"node": node, "units": list(names), "reason": reason}
        return on_node(cls.name, title, params, commands, **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Find the unit and record its state; refuse where somebody else holds it."""
        node = NodeName(params["node"])
        now = units.find(world, node, params["units"])
        there = units.held_unit(world, node, now.name)
        if there is not None and there.owner != context.run_id:
            raise _held_by(node, there)
        hooks = [asdict(h) for h in world.inventory.nodes[node].hooks]
        former = there or _from(context.former_change)
        held = former or _new_hold(world, now, params["reason"], context, [h["name"] for h in hooks])
        change: dict[str, Any] = {"node": node, "held": held.to_json(), "hooks": hooks}
        return Do(change, f"{now.name} on {node} is {now.active}; it is stopped and held")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Disable the agents, write the hold, stop the unit and wait until it has stopped."""
        node, held = NodeName(change["node"]), Held.from_json(change["held"])
        _check_owner(world, node, held)
        ran = holding.run_hooks(world, node, change["hooks"], "disable")
        holding.put(world, node, held, context.progress)
        commands = (*ran, f"install -D zz-stackmend-held.conf -t /etc/systemd/system/{held.unit}.d", _stop(held))
        return Receipt(f"{held.unit} on {node} is stopped and held", {"unit": held.unit}, commands)

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """See that it is inactive, that systemd knows the hold, and that no process of it is left."""
        node, held = NodeName(change["node"]), Held.from_json(change["held"])
        now = units.state(world, node, held.unit)
        left = (*now.pids, *units.strays(world, node, held.unit))
        why = _why_not_held(now, left)
        if why:
            raise Failed(
                Code.SERVICE_NOT_STOPPED,
                f"{held.unit} on {node} is not held: {why}",
                hint=f"look at `systemctl status {held.unit}` on the node, then retry",
                evidence={"host": node, "unit": held.unit, "drop-ins": " ".join(now.drop_ins)},
            )
        return receipt

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:
        """Release it into its former state."""
        node, held = NodeName(change["node"]), Held.from_json(change["held"])
        _check_owner(world, node, held)
        _release(world, change, context)
        return _released(node, held)


class ReleaseUnit(Action):
    """Let a unit go, and give it its former state: started where it ran, left stopped where it did not.

    Parameters: node, and ``step`` (id of the step of this run that held it) or ``unit`` and ``owner`` (the run that
    holds it). Change: node, held, hooks, as of the hold.
    """

    name = "unit.release"

    @classmethod
    def step(cls, node: NodeName, held_by: StepId, unit: str = "nova-compute", **place: Unpack[Place]) -> Step:
        """Return the step that releases what ``held_by``, a step of the same run, held."""
        return cls._step(node, {"node": node, "step": held_by}, unit, **place)

    @classmethod
    def step_from(cls, node: NodeName, held: Held, **place: Unpack[Place]) -> Step:
        """Return the step that releases what another run holds, as ``stackmend.facts.units.held`` shows it."""
        return cls._step(node, {"node": node, "unit": held.unit, "owner": held.owner}, held.unit, **place)

    @classmethod
    def _step(cls, node: NodeName, params: dict[str, Any], unit: str, **place: Unpack[Place]) -> Step:
        short = unit.removesuffix(".service")
        commands = (f"systemctl unmask {short}", f"systemctl start {short}")
        return on_node(cls.name, f"Release {short} on {node} and give it its former state", params, commands, **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Find the hold; refuse where it is another's, skip where there is none."""
        node = NodeName(params["node"])
        if "step" not in params:
            return self._prepare_named(world, node, params["unit"], params["owner"])
        change = context.status_of(params["step"]).change
        if change is None:
            return Skip(f"this run holds nothing on {node}")
        return self._prepare_own(world, dict(change))

    def _prepare_named(self, world: World, node: NodeName, unit: str, owner: str) -> Do | Skip:
        there = units.held_unit(world, node, unit)
        if there is None:
            return Skip(f"nothing holds {unit} on {node}")
        if there.owner != owner:
            raise _held_by(node, there)
        hooks = [asdict(h) for h in world.inventory.nodes[node].hooks if h.name in there.hooks]
        return Do({"node": node, "held": there.to_json(), "hooks": hooks}, f"{unit} on {node} is held by {owner}")

    def _prepare_own(self, world: World, change: dict[str, Any]) -> Do | Skip:
        node, held = NodeName(change["node"]), Held.from_json(change["held"])
        there = units.held_unit(world, node, held.unit)
        if there is not None and there.owner != held.owner:
            raise _held_by(node, there)
        if there is None and units.state(world, node, held.unit).active == "active":
            return Skip(f"{held.unit} on {node} is held no longer, and runs")
        return Do(change, f"{held.unit} on {node} was {held.active} before this run held it")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Lift the hold, start the unit where it ran, enable the agents, and remove the owner file last."""
        node, held = NodeName(change["node"]), Held.from_json(change["held"])
        _check_owner(world, node, held)
        ran = _release(world, change, context)
        lift = f"rm /etc/systemd/system/{held.unit}.d/zz-stackmend-held.conf && systemctl daemon-reload"
        start = (f"systemctl start {held.unit}",) if holding.ran(held) else ()
        return Receipt(_released(node, held), {"unit": held.unit}, (lift, *start, *ran))

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """See that nothing holds it, and that it runs where it ran before."""
        node, held = NodeName(change["node"]), Held.from_json(change["held"])
        there = units.held_unit(world, node, held.unit)
        if there is not None:
            raise _held_by(node, there)
        now = units.state(world, node, held.unit)
        if holding.ran(held) and now.active != "active":
            raise holding.not_started(world, node, held.unit, now)
        return receipt

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:
        """Hold it again, by the same owner for the same reason."""
        node, held = NodeName(change["node"]), Held.from_json(change["held"])
        _check_owner(world, node, held)
        holding.run_hooks(world, node, change["hooks"], "disable")
        holding.put(world, node, held, context.progress)
        return f"{held.unit} on {node} is held again by {held.owner}"


def _new_hold(world: World, now: UnitState, reason: str, context: Context, hooks: list[str]) -> Held:
    return Held(
        unit=now.name,
        owner=context.run_id,
        reason=reason,
        since=world.clock.now().isoformat(timespec="seconds"),
        by=f"{getpass.getuser()}@{platform.node()}",
        active=now.active,
        file=now.file,
        masked=now.load == "masked",
        hooks=tuple(hooks),
    )


def _from(change: Mapping[str, Any] | None) -> Held | None:
    return Held.from_json(change["held"]) if change is not None else None


def _release(world: World, change: Mapping[str, Any], context: Context) -> tuple[str, ...]:
    """Lift the hold; the owner file goes last, so that a release that was killed half-way still shows."""
    node, held = NodeName(change["node"]), Held.from_json(change["held"])
    holding.lift(world, node, held, context.progress)
    ran = holding.run_hooks(world, node, change["hooks"], "enable")
    holding.forget(world, node, held.unit)
    return ran


def _released(node: NodeName, held: Held) -> str:
    if holding.ran(held):
        return f"{held.unit} on {node} is released and runs"
    return f"{held.unit} on {node} is released and left {held.active or 'stopped'}, as before"


def _stop(held: Held) -> str:
    return f"systemctl daemon-reload && systemctl stop {held.unit}"


def _check_owner(world: World, node: NodeName, held: Held) -> None:
    there = units.held_unit(world, node, held.unit)
    if there is not None and there.owner != held.owner:
        raise _held_by(node, there)


def _held_by(node: NodeName, there: Held) -> Refused:
    return Refused(
        Code.UNIT_HELD,
        f"{there.unit} on {node} is held by {there.owner}: {there.reason or 'no reason given'} (since {there.since})",
        hint=f"end that run, or `stackmend node start {node}`",
        evidence={"host": node, "unit": there.unit, "owner": there.owner, "by": there.by},
    )


def _why_not_held(now: UnitState, left: tuple[int, ...]) -> str:
    if now.active not in {"inactive", "failed"}:
        return f"it is {now.active} ({now.sub})"
    if left:
        return f"its processes {', '.join(map(str, sorted(set(left))))} are still there"
    if now.load != "masked" and not any(d.endswith("/zz-stackmend-held.conf") for d in now.drop_ins):
        return "systemd does not know the drop-in that keeps it from starting"
    return ""
