"""``stackmend instance-dirs salvage``: from the words of the call to the plan."""

from __future__ import annotations

from dataclasses import dataclass

from stackmend.adapters.world import World
from stackmend.cli.plans import compute_node
from stackmend.cli.recovering import statement_of
from stackmend.domain.plan import Plan
from stackmend.domain.salvage import Place, SalvageOptions
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Refused, UsageError
from stackmend.facts import instances
from stackmend.facts.salvage import gather
from stackmend.runbooks.salvage import plan_salvage

MIB = 1 << 20


@dataclass(frozen=True)
class Chosen:
    """What the operator said about a salvage.

    Attributes:
        to: the node that its instances are brought up on.
        instance: names or ids of those that are meant; empty for all.
        disk_at: ``NODE:PATH`` or ``PATH`` of the directory of instances; empty for the node's own.
        limit_rate: MiB a second; 0 for no limit.
        fenced: the node's name, typed once more by who states that it cannot run its instances; empty for nobody.
        keep_days: how long the source's directories stay in the trash there.
    """

    to: str
    instance: tuple[str, ...] = ()
    disk_at: str = ""
    limit_rate: float = 0.0
    fenced: str = ""
    keep_days: float = 14.0


def salvage(world: World, name: str, chosen: Chosen, *, reason: str) -> Plan:
    """Return the plan that salvages a node's instances.

    Raises:
        UsageError: both nodes are one, or the statement is about another node.
        Refused: the node may not be salvaged.
    """
    node, target = compute_node(world, name), compute_node(world, chosen.to)
    if node.name == target.name:
        raise UsageError(Code.USAGE, f"--to names {name} itself", hint="name the node to bring its instances up on")
    options = SalvageOptions(
        only=frozenset(instances.resolve(world, one).id for one in chosen.instance),
        statement=statement_of(name, chosen.fenced, reason),
        rate=round(chosen.limit_rate * MIB),
        keep_days=chosen.keep_days,
    )
    facts = gather(world, node.name, target.name, _disk(world, node.name, chosen.disk_at))
    controller = world.power.describe(node.name) if node.power is not None else ""
    return plan_salvage(facts, options, controller=controller, reason=reason)


def _disk(world: World, node: NodeName, words: str) -> Place | None:
    """Return where the node's directory of instances is read; None for its own place."""
    if not words:
        return None
    where, colon, path = words.rpartition(":")
    machine = NodeName(where) if colon else node
    if machine not in world.inventory.nodes:
        known = ", ".join(sorted(world.inventory.nodes))
        raise Refused(Code.NODE_UNKNOWN, f"there is no node {machine!r} in the inventory", hint=f"it has: {known}")
    if not path.startswith("/"):
        raise UsageError(Code.USAGE, f"--disk-at names {path}, which is no absolute path")
    return Place(machine, path.rstrip("/"))
