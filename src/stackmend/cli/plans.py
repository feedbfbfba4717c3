"""From the words of a call to a plan: ask the world, then compose."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stackmend.adapters.world import World
from stackmend.domain.drain import DrainOptions
from stackmend.domain.node import Node, Role
from stackmend.domain.plan import Plan
from stackmend.domain.values import InstanceId, NodeName
from stackmend.engine.journal import Journal
from stackmend.engine.reading import Runs
from stackmend.errors import Code, Refused
from stackmend.facts import instances, settings, units
from stackmend.facts.drain import gather
from stackmend.rules.returning import Moved, Owed, owed_to
from stackmend.runbooks.drain import plan_drain
from stackmend.runbooks.maintain import Work, plan_maintain
from stackmend.runbooks.returning import Home, plan_return
from stackmend.runbooks.services import plan_start, plan_stop

__all__ = ["Chosen", "Work", "bring_back", "compute_node", "drain", "home_of", "maintain", "owed_by", "start", "stop"]


@dataclass(frozen=True)
class Chosen:
    """What the operator said about a drain.

    Attributes:
        stopped: ``move`` or ``stay``.
        leave: names or ids of instances to leave on the node.
        target: the only node to move to; empty for any.
    """

    stopped: str = "move"
    leave: tuple[str, ...] = ()
    target: str = ""

    def resolved(self, world: World) -> DrainOptions:
        """Return the options of the rules; names become ids."""
        target = compute_node(world, self.target).name if self.target else None
        leave = frozenset(_id(world, one) for one in self.leave)
        return DrainOptions(stopped=self.stopped, leave=leave, target=target)


def compute_node(world: World, name: str) -> Node:
    """Return a compute node by name.

    Raises:
        Refused: the inventory has no such node, or it is no compute node.
    """
    node = world.inventory.nodes.get(NodeName(name))
    if node is None:
        known = ", ".join(sorted(world.inventory.nodes)) or "none"
        raise Refused(Code.NODE_UNKNOWN, f"there is no node {name!r} in the inventory", hint=f"it has: {known}")
    if Role.COMPUTE not in node.roles:
        roles = ", ".join(sorted(node.roles)) or "none"
        raise Refused(
            Code.NODE_WRONG_ROLE,
            f"{name} is no compute node; its roles are: {roles}",
            hint="name a compute node, or mend the inventory",
        )
    return node


def drain(world: World, name: str, chosen: Chosen, *, reason: str, patience: float) -> Plan:
    """Return the plan that drains a node."""
    node = compute_node(world, name)
    options = chosen.resolved(world)
    return plan_drain(gather(world, node.name), options, reason=reason, patience=patience)


def stop(world: World, name: str, *, reason: str) -> Plan:
    """Return the plan that stops and holds nova-compute on a node."""
    return plan_stop(compute_node(world, name), reason=reason)


def start(world: World, name: str) -> Plan:
    """Return the plan that starts what is held on a node."""
    node = compute_node(world, name)
    return plan_start(node, units.held(world, node.name))


def maintain(world: World, name: str, chosen: Chosen, work: Work) -> Plan:
    """Return the plan of a whole maintenance."""
    node = compute_node(world, name)
    options = chosen.resolved(world)
    return plan_maintain(node, gather(world, node.name), options, work)


def bring_back(world: World, state: Path, name: str, *, stay: bool, patience: float) -> Plan:
    """Return the plan that returns a node, from what the journal in ``state`` says that it is owed."""
    node = compute_node(world, name)
    owed = owed_by(state, node.name)
    home = home_of(world, node.name, owed, owed.moved if owed else (), patience=patience)
    return plan_return(node, owed, units.held(world, node.name), home, stay=stay)


def home_of(world: World, node: NodeName, owed: Owed | None, away: Iterable[Moved], *, patience: float) -> Home:
    """Return how instances come home to a node from where they are."""
    return Home(
        node=node,
        disabled_before=owed is not None and owed.disabled_before,
        limits={place: settings.max_concurrent_live_migrations(world, place) for place in {m.place for m in away}},
        patience=patience,
    )


def owed_by(state: Path, node: NodeName) -> Owed | None:
    """Return what the journal in ``state`` says that a node is owed; None for nothing."""
    journal = Journal(state)
    try:
        return owed_to(node, Runs(journal).latest())
    finally:
        journal.close()


def _id(world: World, name: str) -> InstanceId:
    """Return the id of an instance; what nova does not know may be the UUID of a domain and is taken as it is."""
    found = instances.resolve(world, name)
    return found.id if found is not None else InstanceId(name)
