"""Another target for an instance whose planned one died: chosen only when a person has the run go on."""

from __future__ import annotations

from typing import Any

from stackmend.actions.base import Context
from stackmend.actions.dropped import service_of
from stackmend.adapters.world import World
from stackmend.domain.instance import Instance
from stackmend.domain.recovery import RecoveryOptions
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Failed
from stackmend.facts import recovery
from stackmend.rules.recovery import rescue_all


def target_now(
    world: World, instance: Instance, target: NodeName, params: dict[str, Any], context: Context
) -> NodeName:
    """Return where an instance is evacuated to now: the target itself where that is up, or another one.

    Nothing of it may be under way to the former target any more.

    Args:
        world: the cloud.
        instance: as nova has it.
        target: the one so far.
        params: of the step: ``source``; ``accepted``, whether its loss is; ``only``, the one target that was allowed;
            ``placed``, where a copy of its files lies on the target.
        context: of the step.

    Raises:
        Failed: NO_TARGET where it is down and nobody has decided on going on since, or nothing else can take it.
    """
    service = service_of(world, target)
    if service is not None and service.up:
        return target
    if params.get("placed"):
        raise Failed(
            Code.NO_TARGET,
            f"{target} is down, and the copy of {instance.name}'s files is there alone",
            hint=f"bring {target} back, and resume",
            evidence={"host": target, "instance": instance.id},
        )
    if context.choice is None:
        raise Failed(
            Code.NO_TARGET,
            f"{target}, which {instance.name} should be evacuated to, is down now",
            hint=f"resume: where {target} is still down then, another target is chosen",
            evidence={"host": target, "instance": instance.id},
        )
    facts = recovery.gather(world, NodeName(params["source"]))
    options = RecoveryOptions(
        accept_loss=frozenset({instance.id}) if params.get("accepted") else frozenset(),
        target=NodeName(params["only"]) if params.get("only") else None,
    )
    rescue = next((r for r in rescue_all(facts, options) if r.stranded.instance.id == instance.id), None)
    if rescue is not None and rescue.target is not None:
        context.progress(f"{target} is down, {rescue.target} is chosen: {rescue.sentence}")
        return rescue.target
    why = rescue.sentence if rescue is not None else f"nova no longer has {instance.name} on {params['source']}"
    raise Failed(
        Code.NO_TARGET,
        f"{target} is down, and nothing else can take {instance.name}: {why}",
        hint=f"bring {target} back and resume; or skip it, and recover {params['source']} anew with what you accept",
        evidence={"host": target, "instance": instance.id},
    )
