"""Put what is left of other nodes' instances in a node's own directory of instances into its trash."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from stackmend.actions.base import Action, Context
from stackmend.actions.clear_domains import HINT
from stackmend.actions.reconcile import fail_where_left
from stackmend.actions.steps import Place, on_node
from stackmend.actions.trash import TrashFiles, trash_change, where
from stackmend.adapters.world import World
from stackmend.domain.leftover import LeftDirectory
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Failed
from stackmend.facts import leftovers, settings


class ClearDirectories(Action):
    """Rename the directories on a node of instances that are proved elsewhere or deleted into its trash.

    What other nodes see too is never touched; see docs/adr/0018. Parameters: node, days. Change: as of ``files.trash``.
    """

    name: ClassVar[str] = "node.clear-directories"

    @classmethod
    def step(cls, node: NodeName, days: float, **place: Unpack[Place]) -> Step:
        """Return the step that puts left directories aside for some days."""
        title = f"Put directories on {node} of instances that are proved elsewhere into its trash for {days:g} days"
        words = ("mv -nT INSTANCES_PATH/ID INSTANCES_PATH/.stackmend-trash/RUN/ID",)
        return on_node(cls.name, title, {"node": node, "days": days}, words, **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Look what is left, prove whose it is, and record what may go; what was decided on before is kept."""
        node = NodeName(params["node"])
        left = leftovers.directories_left(world, node)
        path = settings.instances_path(world, node)
        change = dict(context.former_change or trash_change(world, node, path, params["days"], context))
        former: list[Any] = list(change["items"])
        known = {(one["name"], one["inode"]) for one in former}
        new = [{"name": d.name, "inode": d.inode} for d in _proved(left) if (d.name, d.inode) not in known]
        change["items"] = [*former, *new]
        if not change["items"] and not any(d.holds for d in left):
            return Skip("; ".join(d.sentence for d in left) or f"no directory on {node} is another node's instance's")
        return Do(change, "; ".join(d.sentence for d in left) or "goes on with what was decided on before")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Prove once more whose each is that is not moved yet, and move it."""
        node = NodeName(change["node"])
        if not change["items"]:
            return Receipt(f"nothing on {node} was put aside", {"node": node})
        waiting = {item["name"] for item, (here, _) in where(world, change) if here == item["inode"]}
        left = {d.name: d for d in leftovers.directories_left(world, node)} if waiting else {}
        for name in waiting:
            _still(node, name, left.get(name))
        return TrashFiles().apply(world, change, context)

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:
        """See that each is in the trash; one that is not proved elsewhere stops the run."""
        node = NodeName(change["node"])
        if change["items"]:
            TrashFiles().verify(world, change, receipt, context)
        fail_where_left(node, [d.sentence for d in leftovers.directories_left(world, node) if d.holds], HINT)
        return receipt

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:
        """Move them back."""
        return TrashFiles().undo(world, change, context) if change["items"] else "nothing to undo"


def _proved(left: tuple[LeftDirectory, ...]) -> list[LeftDirectory]:
    return [one for one in left if one.proof.holds]


def _still(node: NodeName, name: str, one: LeftDirectory | None) -> None:
    if one is None or not one.proof.holds:
        says = one.sentence if one else f"directory {name} is needed meanwhile"
        raise Failed(
            Code.FILES_NEEDED,
            f"on {node}, {says}; it was to go into the trash, and stays",
            hint=f"nothing of this was moved; see `stackmend instance-dirs audit {node}`",
            evidence={"host": node},
        )
