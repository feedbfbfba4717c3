"""From the words of a call to what is said of volumes, and to the plan that repairs them."""

from __future__ import annotations

from dataclasses import dataclass

from stackmend.adapters.world import World
from stackmend.cli.plans import compute_node
from stackmend.domain.plan import Plan
from stackmend.domain.values import NodeName
from stackmend.domain.volume import Repair, VolumeFacts, VolumeFinding, VolumeRow
from stackmend.errors import Failed
from stackmend.facts import volume_gathering, volume_table
from stackmend.rules.volumes import judge
from stackmend.runbooks.volumes import Allowed, plan_repair

EVERYTHING = "volumes"
"""Subject of a run on all volumes."""


@dataclass(frozen=True)
class Wanted:
    """What the operator said about a diagnosis.

    Attributes:
        volume: name or id of the one volume; empty for any.
        node: the node whose volumes are meant; empty for any.
        settled: seconds without a change after which a passing status has stuck.
        prompt: regular expression for the console of an instance that has booted.
        interrupt: instances whose guests can spare a volume for a moment, or a reboot.
    """

    volume: str
    node: str
    settled: float
    prompt: str
    interrupt: tuple[str, ...] = ()

    def allowed(self, *kinds: Repair) -> Allowed:
        """Return what may be done, of the given kinds."""
        return Allowed(kinds, self.settled, self.prompt, frozenset(self.interrupt))


def table(world: World, name: str) -> tuple[str, tuple[VolumeRow, ...]]:
    """Return the volumes on a node, and by whom that is known.

    Raises:
        Refused: the inventory has no such compute node.
        Failed: neither the APIs nor the databases could be asked; it is the API's error.
    """
    node = compute_node(world, name).name
    try:
        return "the APIs", volume_table.by_api(world, node)
    except Failed as error:
        try:
            rows = volume_table.by_databases(world, node)
        except Failed:
            raise error from None
        return f"the databases, for {error.sentence}", rows


def diagnose(world: World, wanted: Wanted) -> tuple[VolumeFinding, ...]:
    """Return what is to be said of the volumes that are meant."""
    facts = _facts(world, wanted)
    now = world.clock.now()
    return tuple(found for one in facts for found in judge(one, now=now, settled=wanted.settled))


def fix(world: World, wanted: Wanted) -> Plan:
    """Return the plan of every repair that is shown to be safe."""
    findings = diagnose(world, wanted)
    subject = findings[0].finding.subject if wanted.volume else wanted.node or EVERYTHING
    return plan_repair(subject, "volume diagnose", findings, wanted.allowed(*Repair))


def reattach(world: World, wanted: Wanted) -> Plan:
    """Return the plan that attaches again what the domains on a node lack."""
    findings = diagnose(world, wanted)
    return plan_repair(wanted.node, "volume reattach", findings, wanted.allowed(Repair.REATTACH))


def _facts(world: World, wanted: Wanted) -> tuple[VolumeFacts, ...]:
    if wanted.volume:
        return (volume_gathering.named(world, wanted.volume),)
    if wanted.node:
        return volume_gathering.on_node(world, NodeName(compute_node(world, wanted.node).name))
    return volume_gathering.everywhere(world)
