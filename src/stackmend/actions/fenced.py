"""Looking, before every single evacuation, that the node is still fenced: it may come back in the middle of it all."""

from __future__ import annotations

from stackmend.actions.base import Context
from stackmend.actions.fencing import off_or_failed
from stackmend.actions.quieting import HELD, asleep_or_failed
from stackmend.adapters.world import World
from stackmend.domain.power import Power
from stackmend.domain.run import StepState
from stackmend.domain.values import InstanceId, JsonObject, NodeName
from stackmend.errors import Code, Failed
from stackmend.facts import death, domains, silence


def proof_of(node: NodeName, step: str, context: Context) -> JsonObject:
    """Return the receipt of the step that fenced a node; nothing is asked.

    Args:
        node: that was fenced.
        step: of this run, that fenced it.
        context: of the step that rests on it.

    Raises:
        Failed: NODE_NOT_FENCED where it has none, as when a person skipped it.
    """
    status = context.status_of(step)
    if status.state is StepState.DONE and status.receipt:
        return status.receipt
    raise Failed(
        Code.NODE_NOT_FENCED,
        f"this run has no proof that {node} is fenced: its step {step} is {status.state}",
        hint=f"start a new run with `stackmend node recover {node}`; without that proof nothing is evacuated",
        evidence={"host": node},
    )


def still_fenced(world: World, node: NodeName, step: str, context: Context) -> str:
    """Return the sentence that tells by whom a node is seen to be fenced now.

    Args:
        world: the cloud.
        node: that was fenced.
        step: of this run, that fenced it.
        context: of the step that rests on it.

    Raises:
        Failed: NODE_NOT_FENCED where it was not proved by that step, or is so no longer.
    """
    proof = proof_of(node, step, context)
    if proof["way"] == "controller":
        return off_or_failed(world, node)
    if proof["way"] == HELD:
        return asleep_or_failed(world, node, proof)
    heard = silence.listen(world, node)
    if heard.alive:
        raise Failed(
            Code.NODE_NOT_FENCED,
            f"{node} is fenced no longer: {'; '.join(heard.alive)}",
            hint="see that it is off, then retry; nothing more of it was started elsewhere",
            evidence={"host": node},
        )
    return "nothing answers at its address"


def runs_not(world: World, node: NodeName, step: str, instance: InstanceId, context: Context) -> str:
    """Return the sentence that tells why a fenced node does not run an instance of it, also where it came back since.

    Args:
        world: the cloud.
        node: that was fenced.
        step: of this run, that fenced it.
        instance: its id.
        context: of the step that rests on it.

    Raises:
        Failed: WITNESSES_DISAGREE where it runs there; or the node came back, and could not be asked.
    """
    proof = proof_of(node, step, context)
    if proof["way"] == HELD:
        return asleep_or_failed(world, node, proof)
    if not _is_back(world, node, str(proof["way"])):
        return f"{node}'s libvirt is not asked, it is fenced"
    domain = domains.on_node(world, node).get(instance)
    if domain is None or not domain.is_active:
        return f"{node} came back meanwhile, and its libvirt does not run it"
    raise Failed(
        Code.WITNESSES_DISAGREE,
        f"{node} came back meanwhile, and its libvirt has {instance} {domain.state}: it would run twice",
        hint=f"`virsh destroy {instance}` on {node} ends the copy there, or take its power; then resume",
        evidence={"host": node, "instance": instance},
    )


def _is_back(world: World, node: NodeName, way: str) -> bool:
    if way == "controller":
        return world.power.state(node) is not Power.OFF
    heard = death.echoes(world, node, death.peers_of(world, node), death.BRIEF)
    return any(echo.answered for echo in heard)
