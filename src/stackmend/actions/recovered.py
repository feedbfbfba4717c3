"""Reading a recovery back: nothing of it is left on the node, and nothing runs twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from stackmend.actions.base import Action, Context
from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.instance import Domain, Instance
from stackmend.domain.node import Role
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.run import StepState
from stackmend.domain.values import InstanceId, JsonObject, NodeName, StepId
from stackmend.errors import Code, Failed, StackmendError
from stackmend.facts import domains, instances, volumes_seen
from stackmend.facts.concurrently import each

SEEN_SECONDS = 60.0
"""How long an instance may take to start and find its volumes, before it is said that it has not."""

Domains = Mapping[NodeName, Mapping[InstanceId, Domain] | StackmendError]


class CheckRecovered(Action):
    """Ask nova and every other node's libvirt about each instance that was evacuated."""

    name: ClassVar[str] = "node.check-recovered"

    @classmethod
    def step(
        cls, node: NodeName, moves: Mapping[str, str], *, group: tuple[str, ...], needs: tuple[StepId, ...]
    ) -> Step:
        """Return the step.

        Args:
            node: that was recovered.
            moves: the step that evacuates each instance.
            group: headings.
            needs: steps before.
        """
        return Step(
            id=StepId(f"recovered/{node}"),
            action=cls.name,
            title=f"See that nothing evacuated from {node} is left there, and that nothing runs twice",
            params={"node": node, "moves": dict(moves)},
            group=group,
            commands=(f"openstack server list --all-projects --host {node}", "virsh list --all --uuid --name"),
            needs=needs,
        )

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:  # noqa: ARG002
        """Find out which were evacuated, and which a person skipped."""
        done = [i for i, step in params["moves"].items() if context.status_of(step).state is StepState.DONE]
        skipped = sorted(set(params["moves"]) - set(done))
        return Do({"node": params["node"], "evacuated": done, "skipped": skipped}, "asking every other node")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Compare; whatever runs twice, or not where nova has it, fails."""
        node = NodeName(change["node"])
        evacuated = [InstanceId(i) for i in change["evacuated"]]
        seen = domains.on_nodes(world, (n.name for n in world.inventory.with_role(Role.COMPUTE) if n.name != node))
        found = each(lambda i: patiently(world.clock, lambda: instances.get(world, i)), evacuated)
        there = [i for i in found.values() if i is not None]
        wrong = dict(_wrong(node, there, seen))
        if wrong:
            raise Failed(
                Code.WITNESSES_DISAGREE,
                f"{node} is not recovered: {'; '.join(wrong.values())}",
                hint="look at what is named before anything else is started; retry looks again",
                evidence=wrong,
            )
        unseen = _unseen(world, there, context)
        unasked = [
            f"libvirt on {n} could not be asked: {answer.sentence}"
            for n, answer in seen.items()
            if isinstance(answer, StackmendError)
        ]
        who = "every other node that answered" if unasked else "every other node"
        sentence = f"{len(there)} of {node} are elsewhere, each once, by nova and by libvirt on {who}"
        if change["skipped"]:
            sentence += f"; {len(change['skipped'])} were skipped and not looked at"
        told = "; ".join((sentence, *unseen, *unasked))
        data: JsonObject = {
            "evacuated": evacuated,
            "unseen": unseen,
            "unasked": unasked,
            "skipped": change["skipped"],
        }
        return Receipt(told, data)


def _wrong(node: NodeName, there: Iterable[Instance], seen: Domains) -> Iterable[tuple[str, str]]:
    for instance in there:
        known = [n for n, answer in seen.items() if not isinstance(answer, StackmendError) and instance.id in answer]
        running = [n for n in known if _runs(seen[n], instance.id)]
        if instance.host == node:
            yield instance.id, f"nova has {instance.name} there again"
        elif len(running) > 1:
            yield instance.id, f"{instance.name} runs on {' and '.join(running)} at once"
        elif instance.vm_state == "active" and running != [instance.host]:
            says = f"it runs on {running[0]}" if running else "no libvirt that could be asked runs it"
            yield instance.id, f"nova has {instance.name} active on {instance.host}, but {says}"
        elif running and running != [instance.host]:
            yield instance.id, f"nova has {instance.name} on {instance.host}, but it runs on {running[0]}"


def _runs(answer: Mapping[InstanceId, Domain] | StackmendError, instance: InstanceId) -> bool:
    return not isinstance(answer, StackmendError) and instance in answer and answer[instance].is_active


def _unseen(world: World, there: Iterable[Instance], context: Context) -> list[str]:
    """Return sentences on the instances that run and have not read from each of their volumes in time."""
    running = [one for one in there if one.vm_state == "active" and one.volumes]
    left = {one.id: one.volumes for one in running}

    def found() -> bool:
        left.clear()
        left.update(volumes_seen.unread(world, running))
        context.progress(f"{len(left)} of {len(running)} instances have still to read from their volumes")
        return not left

    if running:
        world.clock.wait_for(lambda: found() or None, timeout=SEEN_SECONDS, interval=2.0)
    names = {one.id: one.name for one in running}
    return [
        f"{names[i]} has not read from its volume {', '.join(volumes)} since it was started: see its console"
        for i, volumes in left.items()
    ]
