"""Make sure, and prove, that a node which has power cannot run its instances: for a node whose own disk is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Unpack

from stackmend.actions.base import Action, Context
from stackmend.actions.steps import Place as PlanPlace
from stackmend.actions.steps import on_node
from stackmend.actions.units import HoldUnit
from stackmend.adapters.world import World
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.recovery import Statement
from stackmend.domain.salvage import Place
from stackmend.domain.values import InstanceId, JsonObject, NodeName
from stackmend.errors import Code, Failed
from stackmend.facts import salvage_node
from stackmend.facts.units import start_turn

HELD = "held"
"""The way of such a proof, as a fence's is ``controller`` or ``statement``."""


class QuietNode(Action):
    """Stop and hold all on a node that could start an instance, and see that no process of one is there.

    The proof is as a fence's. Parameters: node, path (its directory of instances), units, instances, reason, statement
    (of a person, where there are no units to hold: another system was started there). Change: node, path, instances,
    holds (as of ``unit.hold``), statement.
    """

    name = "node.quiet"

    @classmethod
    def step(
        cls,
        source: Place,
        units: Iterable[str],
        instances: Iterable[InstanceId],
        *,
        reason: str,
        statement: Statement | None,
        **place: Unpack[PlanPlace],
    ) -> Step:
        """Return the step that holds a node's units and proves it quiet.

        Args:
            source: the node's own directory of instances.
            units: to be held.
            instances: that must not run there.
            reason: the operator's.
            statement: the operator's; it counts where there are no units.
            place: where the step stands in its plan.
        """
        held = list(units)
        params = {
            "node": source.node,
            "path": source.path,
            "units": held,
            "instances": sorted(instances),
            "reason": reason,
            "statement": None if held or statement is None else asdict(statement),
        }
        title = f"Hold {', '.join(held)} on {source.node}, and see that no instance runs there"
        if params["statement"] is not None and statement is not None:
            title = (
                f"Take the word of {statement.by} that {source.node} cannot start its instances ({statement.reason}), "
                "and see that none runs there"
            )
        commands = (*(f"systemctl mask --now {unit}" for unit in held), "pgrep -a qemu")
        return on_node(cls.name, title, params, commands, **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Record the units' states; refuse where instances run."""
        place = Place(NodeName(params["node"]), params["path"])
        _none_runs(world, place, (), params["instances"])
        if context.former_change is not None:
            return Do(context.former_change, "goes on with what was decided on before")
        holds = []
        for unit in params["units"]:
            decided = HoldUnit().prepare(
                world, {"node": place.node, "units": [unit], "reason": params["reason"]}, context
            )
            if isinstance(decided, Do):
                holds.append(dict(decided.change))
        change: dict[str, Any] = {key: params[key] for key in ("node", "path", "instances", "statement")}
        return Do({**change, "holds": holds}, f"{len(holds)} units on {place.node} are stopped and held")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Hold each unit, and collect the proof."""
        for hold in change["holds"]:
            HoldUnit().apply(world, hold, context)
        return _proof(world, change)

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:
        """See that each unit is held as systemd has it."""
        for hold in change["holds"]:
            HoldUnit().verify(world, hold, receipt, context)
        return receipt

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:
        """Release the units into their former states."""
        for hold in sorted(change["holds"], key=lambda h: start_turn(h["held"]["unit"])):
            HoldUnit().undo(world, hold, context)
        return f"{len(change['holds'])} units on {change['node']} are as they were"


def asleep_or_failed(world: World, node: NodeName, proof: JsonObject) -> str:
    """Return the sentence that tells why a node cannot run its instances now; ``Failed`` where that is not so."""
    units, ids = _words(proof["units"]), [InstanceId(i) for i in _words(proof["instances"])]
    _none_runs(world, Place(node, str(proof["path"])), units, ids)
    return f"no instance runs on {node}, and {len(units)} units are held there"


def _words(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _none_runs(world: World, place: Place, units: Iterable[str], ids: Iterable[InstanceId]) -> None:
    awake = salvage_node.awake(world, place, tuple(units), ids)
    if awake:
        raise Failed(
            Code.NODE_NOT_FENCED,
            f"{place.node} can run its instances: {'; '.join(awake)}",
            hint="end what runs there and see what started it, then retry; nothing of it was started elsewhere",
            evidence={"host": place.node} | {f"alive {n}": says for n, says in enumerate(awake, 1)},
        )


def _proof(world: World, change: dict[str, Any]) -> Receipt:
    place = Place(NodeName(change["node"]), change["path"])
    units = [hold["held"]["unit"] for hold in change["holds"]]
    _none_runs(world, place, units, change["instances"])
    stated = change["statement"]
    word = f"{stated['by']} states it: {stated['reason']}" if stated else f"held are {', '.join(units)}"
    witnesses = [word, f"no process of its {len(change['instances'])} instances is there, none has their files open"]
    data = {
        "node": place.node,
        "way": HELD,
        "at": world.clock.now().isoformat(timespec="seconds"),
        "stated": stated,
        "witnesses": witnesses,
        "path": place.path,
        "units": units,
        "instances": list(change["instances"]),
    }
    commands = tuple(f"systemctl mask --now {unit}" for unit in units)
    return Receipt(f"{place.node} cannot run its instances: {'; '.join(witnesses)}", data, commands)
