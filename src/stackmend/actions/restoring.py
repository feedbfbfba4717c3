"""Put what a run brought into the trash of a directory of instances back in its place."""

from __future__ import annotations

import shlex
from typing import Any

from stackmend.actions.base import Action, Context
from stackmend.actions.steps import on_node
from stackmend.actions.trash import TrashFiles, where
from stackmend.adapters.world import World
from stackmend.domain.instance_files import TRASH
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Failed, Refused
from stackmend.facts.instance_listing import UNTIL
from stackmend.facts.settings import instances_path

_LOOK = r"""
cd -- {place} 2>/dev/null || exit 0
printf '%s\0' "$(cat {file} 2>/dev/null)"
find . -mindepth 1 -maxdepth 1 ! -name _base ! -name '{file}*' -printf '%i %P\0'
[ ! -d _base ] || find _base -mindepth 1 -maxdepth 1 -printf '%i %p\0'
"""


class RestoreFiles(Action):
    """Rename what one run put into the trash of a node's directory of instances back; the trash itself says what.

    Parameters: node, run. Change: node, path, trash, until, items (name and inode of each).
    """

    name = "files.restore"

    @classmethod
    def step(cls, node: NodeName, path: str, run: str) -> Step:
        """Return the step that puts back what ``run`` put into the trash of the directory ``path``."""
        words = f"mv -nT {shlex.quote(f'{path}/{TRASH}/{run}')}/ITEM {shlex.quote(path)}/ITEM"
        params = {"node": node, "run": run}
        return on_node(cls.name, f"Put back what run {run} put into the trash on {node}", params, (words,))

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Record what is in the trash, and see that nothing has taken its place."""
        if context.former_change is not None:
            return Do(context.former_change, "goes on with what was decided on before")
        path = instances_path(world, params["node"])
        trash = f"{TRASH}/{params['run']}"
        look = _LOOK.format(place=shlex.quote(f"{path}/{trash}"), file=UNTIL)
        until, *found = world.ssh.run(params["node"], look).stdout.split("\0")[:-1] or [""]
        pairs = (record.partition(" ") for record in found)
        items = [{"name": name, "inode": int(inode)} for inode, _, name in pairs]
        if not items:
            return Skip(f"there is nothing of run {params['run']} in the trash on {params['node']}")
        change = {"node": params["node"], "path": path, "trash": trash, "until": until, "items": items}
        taken = [item["name"] for item, (here, _) in where(world, change) if here]
        if taken:
            raise Refused(
                Code.FILES_NOT_MOVED,
                f"on {params['node']} there is another {', '.join(taken)} meanwhile",
                hint=f"`stackmend instance-dirs audit {params['node']}` tells whose it is",
            )
        return Do(change, f"{len(items)} items go back on {params['node']}")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Move what is still in the trash back."""
        return Receipt(TrashFiles().undo(world, change, context))

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """See that each is in its place."""
        wrong = [item["name"] for item, (here, _) in where(world, change) if here != item["inode"]]
        if wrong:
            raise Failed(
                Code.FILES_NOT_MOVED,
                f"not back in its place on {change['node']}: {', '.join(wrong)}",
                hint="see who moves it, then retry",
                evidence={"host": change["node"], "directory": change["path"]},
            )
        return receipt

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:
        """Put it into the trash again, where nobody needs it meanwhile."""
        return TrashFiles().apply(world, change, context).sentence
