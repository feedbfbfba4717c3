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
from stackmend.domain.values import InstanceId, NodeName, StepId
from stackmend.errors import Code, Failed, StackmendError
from stackmend.facts import domains, instances
from stackmend.facts.concurrently import each

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

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:  # noqa: ARG002
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
        unasked = [
            f"libvirt on {n} could not be asked: {answer.sentence}"
            for n, answer in seen.items()
            if isinstance(answer, StackmendError)
        ]
        who = "every other node that answered" if unasked else "every other node"
        sentence = f"{len(there)} of {node} are elsewhere, each once, by nova and by libvirt on {who}"
        if change["skipped"]:
            sentence += f"; {len(change['skipped'])} were skipped and not looked at"
        told = "; ".join((sentence, *unasked))
        return Receipt(told, {"evacuated": evacuated, "unasked": unasked, "skipped": change["skipped"]})


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
