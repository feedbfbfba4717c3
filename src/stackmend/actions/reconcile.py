"""See that a node that came back has let go of the instances that were started elsewhere, before it gets any again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any, ClassVar, Unpack

from stackmend.actions.base import Action, Context
from stackmend.actions.steps import Place, on_node
from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.instance import Migration
from stackmend.domain.leftover import LeftDomain
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, Failed
from stackmend.facts import domains, instances, leftovers, migrations, units
from stackmend.rules.leftovers import half_way, superseded, unseen

RESTART_SECONDS = 90.0
SECONDS = 180.0
"""How long the node's nova-compute may take to remove what was evacuated; it does so once, when it starts."""


class Reconcile(Action):
    """Wait until a node's nova-compute has removed what was evacuated from it, and see what of it is left.

    While the node is forced down nova sends it nothing. What is removed is removed by nova-compute itself, which is
    started anew where an instance was evacuated more than once: it takes one record of it a start. What it leaves stops
    the run, unless the steps that follow remove it. Parameters: node, clean_up (whether they do). Change: the same.
    """

    name: ClassVar[str] = "node.reconcile"

    @classmethod
    def step(cls, node: NodeName, *, clean_up: bool = False, **place: Unpack[Place]) -> Step:
        """Return the step that looks for leftovers on a node."""
        words = ("virsh list --all", f"openstack server migration list --host {node} --type evacuation")
        title = f"See that {node} has let go of what was started elsewhere"
        if clean_up:
            title = f"Let nova-compute on {node} remove what was started elsewhere"
        return on_node(cls.name, title, {"node": node, "clean_up": clean_up}, words, **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:  # noqa: ARG002
        """Look only; deciding comes with the waiting."""
        node, clean_up = params["node"], params.get("clean_up", False)
        return Do({"node": node, "clean_up": clean_up}, f"asking nova and the libvirt of {node}")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Wait for nova-compute; an instance that runs there and is another node's ends the waiting at once."""
        node = NodeName(change["node"])
        left: list[str] = []
        restarts = _wait(world, node, left, context)
        directories = leftovers.directories_left(world, node)
        held = bool(left) or any(d.holds for d in directories)
        left += [d.sentence for d in directories]
        if held and not change.get("clean_up"):
            fail_where_left(node, left, f"`stackmend node readmit {node} --clean-up` removes what is proved elsewhere")
        words = (f"systemctl restart nova-compute, on {node}: {restarts} times",) if restarts else ()
        says = f"nothing is left on {node} of what was started elsewhere"
        if left:
            says = f"nova-compute on {node} has removed what it would, and this is left: {'; '.join(left)}"
        return Receipt(says, {"node": node}, words)


def fail_where_left(node: NodeName, left: Iterable[str], hint: str) -> None:
    """Fail where anything is left that keeps a node from being taken back.

    Raises:
        Failed: NODE_NOT_EMPTY.
    """
    says = list(left)
    if says:
        raise Failed(
            Code.NODE_NOT_EMPTY,
            f"{node} still has what is another node's, or nobody's: {'; '.join(says)}",
            hint=hint,
            evidence={"host": node, **{str(n): one for n, one in enumerate(says, 1)}},
        )


def fail_where_running(node: NodeName, left: Iterable[LeftDomain]) -> None:
    """Fail where a domain that is left runs: nothing of stackmend's ends one.

    Raises:
        Failed: WITNESSES_DISAGREE, with both sides named.
    """
    running = {str(d.domain.uuid): d.sentence for d in left if d.domain.is_active}
    if running:
        raise Failed(
            Code.WITNESSES_DISAGREE,
            f"{node} runs what is another node's: {'; '.join(running.values())}",
            hint=f"it may run twice: `virsh destroy ID` on {node} ends the copy there; then retry",
            evidence=running,
        )


def _wait(world: World, node: NodeName, left: list[str], context: Context) -> int:
    """Wait until nova-compute has seen every evacuation; fill in what is left then, and return how often it began."""
    waits: dict[InstanceId, str] = {}
    begun: set[frozenset[int]] = set()

    def seen_by_nova() -> bool | None:
        waits.clear()
        left.clear()
        # before libvirt is asked: what nova-compute has seen by then, it has removed by then
        evacuations = patiently(world.clock, lambda: migrations.evacuations_from(world, node))
        try:
            found = leftovers.judged(world, node, domains.on_node(world, node))
        except Failed as error:
            if error.code is not Code.SSH_UNREACHABLE:
                raise
            waits[InstanceId(node)] = error.sentence  # it may still boot
            return None
        fail_where_running(node, found)
        left.extend(d.sentence for d in found)
        for record in unseen(evacuations):
            waits[record.instance] = f"nova-compute there has not yet seen that {record.instance} was evacuated"
        context.progress("; ".join((*waits.values(), *left)) or f"nothing is left on {node}")
        _start_anew(world, node, evacuations, begun)
        _fail_half_way(world, node, evacuations)
        return None if waits else True

    if world.clock.wait_for(seen_by_nova, timeout=SECONDS, interval=2.0) is None:
        raise Failed(
            Code.NODE_NOT_EMPTY,
            f"{node} has not let go of what was started elsewhere: {'; '.join((*waits.values(), *left))}",
            hint="see that nova-compute runs there, since it removes them when it starts, then retry",
            evidence={str(i): says for i, says in waits.items()},
        )
    return len(begun)


def _start_anew(world: World, node: NodeName, evacuations: Iterable[Migration], begun: set[frozenset[int]]) -> None:
    behind = frozenset(m.id for m in superseded(evacuations))
    if behind and behind not in begun:
        begun.add(behind)
        unit = units.find(world, node, units.NOVA_COMPUTE).name
        world.ssh.run(node, f"systemctl restart {shlex.quote(unit)}", timeout=RESTART_SECONDS)


def _fail_half_way(world: World, node: NodeName, evacuations: Iterable[Migration]) -> None:
    here = patiently(world.clock, lambda: instances.on_node(world, node))
    stuck = {str(i.id): f"{i.name} ({i.id}) is {i.vm_state}, {i.task_state}" for i in half_way(here, evacuations)}
    if stuck:
        one = next(iter(stuck))
        raise Failed(
            Code.INSTANCE_STATE,
            f"nova has instances on {node} in the middle of an evacuation that nobody carries on: "
            f"{'; '.join(stuck.values())}",
            hint=f"`openstack server set --state error {one}` lets nova take requests for it again; then "
            f"`openstack server reboot --hard {one}` where its disk is kept, else `openstack server rebuild`; then "
            "retry",
            evidence=stuck,
        )
