"""Seeing that a node is drained: nothing is on it, by nova and by libvirt, but what was to stay."""

from __future__ import annotations

from typing import Any, ClassVar

from stackmend.actions.base import Action, Context
from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.run import StepState
from stackmend.domain.values import NodeName, StepId
from stackmend.errors import Code, Failed
from stackmend.facts import domains, instances

SETTLE_SECONDS = 15.0


class CheckDrained(Action):
    """Compare what nova and libvirt have on a node with what was to stay there."""

    name: ClassVar[str] = "node.check-drained"

    @classmethod
    def step(
        cls,
        node: NodeName,
        *,
        staying: list[str],
        moves: dict[str, str],
        group: tuple[str, ...],
        needs: tuple[StepId, ...],
    ) -> Step:
        """Return the step.

        Args:
            node: that was drained.
            staying: ids of instances and domains that were to stay.
            moves: the step that moves each of the others; where a person skipped it, the instance may be there still.
            group: headings.
            needs: steps before.
        """
        return Step(
            id=StepId(f"drained/{node}"),
            action=cls.name,
            title=f"See that nothing is left on {node}, by nova and by libvirt",
            params={"node": node, "staying": staying, "moves": moves},
            group=group,
            commands=(f"openstack server list --all-projects --host {node}", "virsh list --all --uuid --name"),
            needs=needs,
        )

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:  # noqa: ARG002
        """Work out who may be there: those that were to stay, and those whose move a person skipped."""
        skipped = [i for i, step in params["moves"].items() if context.status_of(step).state is StepState.SKIPPED]
        return Do({"node": params["node"], "allowed": [*params["staying"], *skipped]}, "comparing nova and libvirt")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:  # noqa: ARG002
        """Look until nothing unexpected is left; what is seen to be left after some seconds is left."""
        node, allowed = NodeName(change["node"]), set(change["allowed"])
        left = {"": ""}

        def empty() -> bool | None:
            left.clear()
            left.update(_left(world, node, allowed))
            return None if left else True

        if world.clock.wait_for(empty, timeout=SETTLE_SECONDS, interval=1.0) is None:
            raise Failed(
                Code.NODE_NOT_EMPTY,
                f"{node} is not drained: {'; '.join(left.values())}",
                hint="move or delete what is named, then retry; or skip to go on with it there",
                evidence=left,
            )
        stay = f"; {len(allowed)} to stay" if allowed else ""
        return Receipt(f"{node} is drained, by nova and by libvirt{stay}", {"staying": sorted(allowed)})


def _left(world: World, node: NodeName, allowed: set[str]) -> dict[str, str]:
    recorded = patiently(world.clock, lambda: instances.on_node(world, node))
    known = {i.id: f"nova has {i.name} there, {i.vm_state}" for i in recorded if i.id not in allowed}
    for domain in domains.on_node(world, node).values():
        if domain.is_active and domain.uuid not in allowed and domain.uuid not in known:
            known[domain.uuid] = f"libvirt has {domain.name} there, {domain.state}, and nova does not"
    return {str(k): v for k, v in known.items()}
