"""See that a node that came back has let go of the instances that were started elsewhere, before it gets any again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any, ClassVar, Unpack

from stackmend.actions.base import Action, Context
from stackmend.actions.steps import Place, on_node
from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.instance import Domain, Migration
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, Failed
from stackmend.facts import domains, instances, migrations, units
from stackmend.facts.concurrently import each
from stackmend.rules.leftovers import leftovers, superseded, unseen

RESTART_SECONDS = 90.0
SECONDS = 180.0
"""How long the node's nova-compute may take to remove what was evacuated; it does so once, when it starts."""


class Reconcile(Action):
    """Wait until a node's nova-compute has removed what was evacuated from it, and see that nothing of it is left.

    While the node is forced down nova sends it nothing. What is removed is removed by nova-compute itself, which is
    started anew where an instance was evacuated more than once: it takes one record of it a start. Parameters and
    change: node.
    """

    name: ClassVar[str] = "node.reconcile"

    @classmethod
    def step(cls, node: NodeName, **place: Unpack[Place]) -> Step:
        """Return the step that looks for leftovers on a node."""
        words = ("virsh list --all", f"openstack server migration list --host {node} --type evacuation")
        return on_node(
            cls.name, f"See that {node} has let go of what was started elsewhere", {"node": node}, words, **place
        )

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:  # noqa: ARG002
        """Look only; deciding comes with the waiting."""
        return Do({"node": params["node"]}, f"asking nova and the libvirt of {params['node']}")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Wait; an instance that runs there and is another node's ends the waiting at once."""
        node = NodeName(change["node"])
        last: dict[InstanceId, str] = {}
        begun: set[frozenset[int]] = set()

        def clean() -> bool | None:
            last.clear()
            try:
                seen = domains.on_node(world, node)
            except Failed as error:
                if error.code is not Code.SSH_UNREACHABLE:
                    raise
                last[InstanceId(node)] = error.sentence  # it may still boot
                return None
            evacuations = patiently(world.clock, lambda: migrations.evacuations_from(world, node))
            last.update(_left(world, node, seen, evacuations))
            _fail_where_running(node, seen, last)
            context.progress("; ".join(last.values()) or f"nothing is left on {node}")
            behind = frozenset(m.id for m in superseded(evacuations))
            if behind and behind not in begun:
                begun.add(behind)
                _start_anew(world, node)
            return None if last else True

        if world.clock.wait_for(clean, timeout=SECONDS, interval=2.0) is None:
            raise Failed(
                Code.NODE_NOT_EMPTY,
                f"{node} has not let go of what was started elsewhere: {'; '.join(last.values())}",
                hint="see that nova-compute runs there, since it removes them when it starts, then retry",
                evidence={str(i): says for i, says in last.items()},
            )
        words = (f"systemctl restart nova-compute, on {node}: {len(begun)} times",) if begun else ()
        return Receipt(f"nothing is left on {node} of what was started elsewhere", {"node": node}, words)


def _start_anew(world: World, node: NodeName) -> None:
    unit = units.find(world, node, units.NOVA_COMPUTE).name
    world.ssh.run(node, f"systemctl restart {shlex.quote(unit)}", timeout=RESTART_SECONDS)


def _left(
    world: World, node: NodeName, seen: dict[InstanceId, Domain], evacuations: Iterable[Migration]
) -> dict[InstanceId, str]:
    records = each(lambda i: patiently(world.clock, lambda: instances.get(world, i)), seen)
    found = leftovers(node, seen, records)
    for record in unseen(evacuations):
        found.setdefault(record.instance, f"nova-compute there has not yet seen that {record.instance} was evacuated")
    return found


def _fail_where_running(node: NodeName, seen: dict[InstanceId, Domain], left: dict[InstanceId, str]) -> None:
    running = {str(i): says for i, says in left.items() if i in seen and seen[i].is_active}
    if running:
        raise Failed(
            Code.WITNESSES_DISAGREE,
            f"{node} runs what is another node's: {'; '.join(running.values())}",
            hint=f"it may run twice: `virsh destroy ID` on {node} ends the copy there; then retry",
            evidence=running,
        )
