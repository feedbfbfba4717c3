"""Bringing an instance back to the node that a drain took it from."""

from __future__ import annotations

from typing import Any, ClassVar

from stackmend.actions.base import Context
from stackmend.actions.instances import MoveInstance, commands
from stackmend.adapters.world import World
from stackmend.domain.outcome import Do, Skip
from stackmend.domain.plan import Step
from stackmend.domain.run import StepState
from stackmend.domain.values import StepId


class ReturnInstance(MoveInstance):
    """Bring an instance back to where a step of this run, or of a former one, took it from."""

    name: ClassVar[str] = "instance.return"

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Find out whether the drain moved it, and whether it is still where the drain put it."""
        drained = params.get("drained_by", "")
        if drained:
            status = context.status_of(drained)
            if status.state is not StepState.DONE:
                return Skip(f"{params['name']} was not moved by the drain, so it is not touched")
            receipt = dict(status.receipt or {})
            params = {**params, "source": receipt["target"], "target": receipt["source"]}
        return super().prepare(world, params, context)


def return_step(
    step_id: StepId,
    params: dict[str, Any],
    *,
    mode: str,
    group: tuple[str, ...],
    needs: tuple[StepId, ...],
    lane: str,
) -> Step:
    """Return the step that brings an instance home.

    Args:
        step_id: of the new step.
        params: instance, name, source (where the drain put it), target (home), patience, force, and ``drained_by``: the
            step of the same run that took it away; empty where a former run did.
        mode: how it will probably go: live, block-live or cold.
        group: headings.
        needs: steps before.
        lane: limit it counts against.
    """
    return Step(
        id=step_id,
        action=ReturnInstance.name,
        title=f"Bring {params['name']} back to {params['target']} ({mode})",
        params=params,
        group=group,
        commands=commands(params["instance"], params["target"], mode),
        needs=needs,
        lane=lane,
        ahead=mode != "cold",
    )
