"""Tell nova that a fenced node is down, at once and for as long as it is not readmitted."""

from __future__ import annotations

from typing import Any, Unpack

from stackmend.actions.base import Action, Context
from stackmend.actions.fenced import still_fenced
from stackmend.actions.scheduling import VERSION
from stackmend.actions.steps import Place, on_node
from stackmend.adapters.world import World
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.values import NodeName, StepId
from stackmend.errors import Code, Failed, StackmendError
from stackmend.facts import services

SEEN_SECONDS = 10.0
UP_SECONDS = 120.0


class ForceDown(Action):
    """Set ``forced_down`` of a node's nova-compute, so that nova evacuates from it and its heartbeat counts no more.

    Parameters: node, fence (the step that fenced it). Change: node, service, former.
    """

    name = "node.force-down"

    @classmethod
    def step(cls, node: NodeName, fence: StepId, **place: Unpack[Place]) -> Step:
        """Return the step that forces a node's nova-compute down."""
        words = f"openstack compute service set --down {node} nova-compute"
        title = f"Tell nova that {node} is down, without waiting for its heartbeat to run out"
        return on_node(cls.name, title, {"node": node, "fence": fence}, (words,), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Look that the node is still fenced, and record whether it was forced down before."""
        node = NodeName(params["node"])
        still_fenced(world, node, params["fence"], context)
        record = services.compute_service(world, node)
        earlier = context.former_change
        former = bool(earlier["former"]) if earlier else record.forced_down
        state = "down" if not record.up else "up"
        word = "forced down" if record.forced_down else f"{state} by its heartbeat"
        return Do({"node": node, "service": record.id, "former": former}, f"nova-compute on {node} is {word}")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:  # noqa: ARG002
        """Set it; setting it twice does no harm."""
        _put(world, change["service"], forced_down=True)
        words = (f"PUT /os-services/{change['service']} forced_down=true",)
        return Receipt(f"nova takes {change['node']} for down", {"former": change["former"]}, words)

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """Read back that nova takes it for down."""
        node = NodeName(change["node"])

        def down() -> bool | None:
            record = services.compute_service(world, node)
            return (record.forced_down and not record.up) or None

        if world.clock.wait_for(down, timeout=SEEN_SECONDS, interval=1.0) is None:
            raise Failed(
                Code.API_CONFLICT,
                f"nova does not take {node} for down, although it was told so",
                hint="somebody has lifted it: find out who, then retry",
                evidence={"host": node},
            )
        return receipt

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Lift it where it was not there before; nova refuses that while evacuations wait for the node's return."""
        node = change["node"]
        if change["former"]:
            return f"{node} was forced down before, and stays so"
        try:
            _put(world, change["service"], forced_down=False)
        except StackmendError as error:
            if error.code not in {Code.API_ERROR, Code.API_CONFLICT} or "evacuat" not in error.sentence:
                raise
            return f"{node} stays forced down: nova lifts that only when its nova-compute has seen what was evacuated"
        return f"nova goes by the heartbeat of {node} again"


class ForceUp(Action):
    """Let nova go by the heartbeat of a node again, and see that there is one.

    Nova refuses where evacuations wait for the node's nova-compute: see ``node.reconcile``. Parameters: node. Change:
    node, service, former.
    """

    name = "node.force-up"

    @classmethod
    def step(cls, node: NodeName, **place: Unpack[Place]) -> Step:
        """Return the step that lifts a node's forced down."""
        words = f"openstack compute service set --up {node} nova-compute"
        return on_node(cls.name, f"Let nova go by the heartbeat of {node} again", {"node": node}, (words,), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Record whether it is forced down; skip where it is not."""
        node = NodeName(params["node"])
        record = services.compute_service(world, node)
        if not record.forced_down and context.former_change is None:
            return Skip(f"{node} is not forced down")
        return Do({"node": node, "service": record.id, "former": True}, f"{node} is forced down")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:  # noqa: ARG002
        """Lift it; lifting it twice does no harm."""
        _put(world, change["service"], forced_down=False)
        words = (f"PUT /os-services/{change['service']} forced_down=false",)
        return Receipt(f"nova goes by the heartbeat of {change['node']} again", {"former": change["former"]}, words)

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:
        """Wait until nova takes it for up by its heartbeat."""
        node = NodeName(change["node"])

        def up() -> bool | None:
            record = services.compute_service(world, node)
            context.progress(f"nova takes {node} for {'up' if record.up else 'down'}")
            return (record.up and not record.forced_down) or None

        if world.clock.wait_for(up, timeout=UP_SECONDS, interval=1.0) is None:
            raise Failed(
                Code.SERVICE_NOT_STARTED,
                f"nova hears no heartbeat of {node} {UP_SECONDS:.0f} s after it was let go by it",
                hint=f"see nova-compute's log on {node}, or `stackmend node diagnose {node}`; then retry",
                evidence={"host": node},
            )
        return receipt

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Force it down again, as it was."""
        _put(world, change["service"], forced_down=True)
        return f"{change['node']} is forced down again"


def _put(world: World, service: str, *, forced_down: bool) -> None:
    world.openstack.put("compute", f"/os-services/{service}", {"forced_down": forced_down}, version=VERSION)
