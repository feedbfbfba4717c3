"""Fence a node: make sure, and prove, that it can run no instance, before any of them is started elsewhere."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, Unpack

from stackmend.actions.base import Action, Context
from stackmend.actions.steps import Place, on_node
from stackmend.adapters.world import World
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.power import Power
from stackmend.domain.recovery import Statement
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Failed
from stackmend.facts import silence

OFF_SECONDS = 60.0
"""How long a controller may take from the order to the power being off."""

QUIET_SECONDS = 10.0
"""How long something may still answer after the power is read back off, before the controller is not believed."""

STORAGE_SECONDS = 5
"""How long shared storage is watched, where other nodes see it: what writes there is an instance that runs on."""

BETWEEN_READS = 2.0
"""Seconds between the two reads that must both say off."""


class FenceNode(Action):
    """Take a node's power by its controller, read it back, and see that nothing answers; or take an operator's word.

    A controller's "off" is no proof where SSH or ping still answers, and neither is a statement. Parameters: node, and
    ``statement`` (by, reason) where no controller can tell. Change: node, way, former, at, statement.
    """

    name = "node.fence"

    @classmethod
    def step(cls, node: NodeName, controller: str, statement: Statement | None, **place: Unpack[Place]) -> Step:
        """Return the step that fences a node.

        Args:
            node: to be fenced.
            controller: how its controller is reached, for people.
            statement: the operator's own; then the controller is not asked.
            place: in the plan.
        """
        params: dict[str, Any] = {"node": node}
        if statement is None:
            title = f"Fence {node}: take its power by {controller}, read it back off, and see that nothing answers"
            return on_node(cls.name, title, params, (f"power off {node} by {controller}",), **place)
        title = f"Take the word of {statement.by} that {node} is fenced ({statement.reason}), and see that it is silent"
        return on_node(cls.name, title, {**params, "statement": asdict(statement)}, (f"ping {node}",), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Read what the controller says before it is given an order."""
        node, statement = NodeName(params["node"]), params.get("statement")
        at = world.clock.now().isoformat(timespec="seconds")
        change = {"node": node, "way": "statement", "former": "", "at": at, "statement": statement}
        if statement:
            return Do(change, f"{statement['by']} states at {at} that {node} is fenced: {statement['reason']}")
        now = world.power.state(node)
        earlier = context.former_change
        former = str(earlier["former"]) if earlier else str(now)
        return Do({**change, "way": "controller", "former": former}, f"its controller says that {node} is {now}")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Take the power where it is not off, and collect the proof."""
        node = NodeName(change["node"])
        if change["way"] == "statement":
            word = f"{change['statement']['by']} states that it is fenced: {change['statement']['reason']}"
            return _proof(world, change, (word,), context)
        commands: tuple[str, ...] = ()
        if world.power.state(node) is not Power.OFF:
            context.progress(f"ordering the power of {node} off")
            world.power.off(node)
            commands = (f"power off {node}, by {world.power.describe(node)}",)
        word = _read_off(world, node, context)
        with ThreadPoolExecutor(1) as pool:
            again = pool.submit(_read_again, world, node)
            proof = _proof(world, change, (word,), context, commands)
            again.result()
        return proof

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """Read the power once more."""
        if change["way"] == "controller":
            off_or_failed(world, NodeName(change["node"]))
        return receipt

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Say what is left: power is given by a person, who knows why it was taken."""
        if change["way"] == "statement":
            return f"{change['node']} was fenced by a person and is left so"
        return (
            f"{change['node']} is left without power, before it was {change['former']}: give it by hand when it may run"
        )


def off_or_failed(world: World, node: NodeName) -> str:
    """Return the controller's word that a node is off; raise ``Failed`` where it says anything else."""
    state = world.power.state(node)
    if state is not Power.OFF:
        raise Failed(
            Code.NODE_NOT_FENCED,
            f"{node} is fenced no longer: its controller says that it is {state}",
            hint=f"find out who gave it power; take it again, and retry; nothing more of {node} was started elsewhere",
            evidence={"host": node, "power": str(state)},
        )
    return f"its controller says {state} ({world.power.describe(node)})"


def _read_off(world: World, node: NodeName, context: Context) -> str:
    """Read until the controller says off; return the sentence of both reads, the second of which is to come."""
    reads: list[Power] = []

    def off() -> bool | None:
        reads.append(world.power.state(node))
        context.progress(f"its controller says that {node} is {reads[-1]}")
        return reads[-1] is Power.OFF or None

    if world.clock.wait_for(off, timeout=OFF_SECONDS, interval=BETWEEN_READS) is None:
        raise Failed(
            Code.NODE_NOT_FENCED,
            f"{node} is not fenced: {OFF_SECONDS:.0f} s after the order its controller still says {reads[-1]}",
            hint="take its power by hand, then retry; nothing was evacuated",
            evidence={"host": node, "controller": world.power.describe(node), "power": str(reads[-1])},
        )
    return f"its controller says off, read twice {BETWEEN_READS:.0f} s apart ({world.power.describe(node)})"


def _read_again(world: World, node: NodeName) -> None:
    """Read the power once more, a moment later and while others listen: one read may be of a moment."""
    world.clock.pause(BETWEEN_READS)
    off_or_failed(world, node)


def _proof(
    world: World, change: dict[str, Any], words: tuple[str, ...], context: Context, commands: tuple[str, ...] = ()
) -> Receipt:
    """Return the receipt with every witness's word, where none hears the node any more."""
    node = NodeName(change["node"])
    heard: list[silence.Silence] = []

    def quiet() -> silence.Silence | None:
        heard.append(silence.listen(world, node, storage=STORAGE_SECONDS))
        context.progress("; ".join(heard[-1].alive) or f"nothing answers at {node}")
        return None if heard[-1].alive else heard[-1]

    proof = world.clock.wait_for(quiet, timeout=QUIET_SECONDS, interval=1.0)
    if proof is None:
        raise Failed(
            Code.NODE_NOT_FENCED,
            f"{node} is not fenced: {words[0]}, but it is alive: {'; '.join(heard[-1].alive)}",
            hint="that word is wrong, so it is no proof; cut the power by hand and see that it is silent, then retry",
            evidence={"host": node} | {f"alive {n}": says for n, says in enumerate(heard[-1].alive, 1)},
        )
    witnesses = [*words, *proof.silent, *proof.unasked]
    data = {
        "node": node,
        "way": change["way"],
        "at": world.clock.now().isoformat(timespec="seconds"),
        "stated": change["statement"],
        "witnesses": witnesses,
    }
    return Receipt(f"{node} is fenced: {'; '.join(witnesses)}", data, commands)
