"""Put what nobody needs of a directory of instances into a trash in it, and take it out again.

The proof is made anew right before anything is moved, also where a run goes on after a kill. The trash is inside the
directory, so that a rename brings an item there and back, whatever its size.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Unpack

from stackmend.actions.base import Action, Context
from stackmend.actions.steps import Place, on_node
from stackmend.adapters.world import World
from stackmend.domain.instance_files import TRASH, Audit, Item
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Failed
from stackmend.facts.instance_files import gather
from stackmend.facts.instance_listing import UNTIL
from stackmend.rules.instance_cleaning import why_kept
from stackmend.rules.instance_files import judge

MOVE_SECONDS = 120

_WHERE = r"""
cd -- {path} || exit
at() {{ stat -c %i -- "$1" 2>/dev/null || echo 0; }}
where() {{ echo "$(at "$1") $(at {trash}/"$1")"; }}
{calls}
"""
_MOVE = r"""
cd -- {path} || exit
umask 077
device=$(stat -c %d .)
mkdir -p {trash} || exit
printf '%s\n' {until} >{trash}/{file}.new && mv -f {trash}/{file}.new {trash}/{file} || exit
put() {{
  case $1 in */*) mkdir -p "{trash}/${{1%/*}}" || exit ;; esac
  [ "$(stat -c '%d %i' -- "$1")" = "$device $2" ] ||
    {{ echo "$1 is not what it was, or is on another file system" >&2; exit 1; }}
  mv -nT -- "$1" {trash}/"$1" || exit
}}
{calls}
sync -f .
"""
_BACK = r"""
cd -- {path} || exit
back() {{
  [ "$(stat -c %i -- {trash}/"$1")" = "$2" ] || {{ echo "$1 is not what it was in the trash" >&2; exit 1; }}
  [ ! -e "$1" ] || {{ echo "there is another $1 meanwhile" >&2; exit 1; }}
  mv -nT -- {trash}/"$1" "$1" || exit
}}
{calls}
rm -f {trash}/{file} {trash}/{file}.new
rmdir {trash}/_base {trash} {root} 2>/dev/null
sync -f .
"""


class TrashFiles(Action):
    """Rename items of a node's directory of instances into its trash, with an end date.

    Parameters: node, items (names), days. Change: node, path, trash, until, items (name and inode of each).
    """

    name = "files.trash"

    @classmethod
    def step(cls, node: NodeName, path: str, items: Sequence[Item], days: float, **place: Unpack[Place]) -> Step:
        """Return the step that puts ``items`` of the directory ``path`` aside for some days."""
        names = [item.name for item in items]
        commands = tuple(
            f"mv -nT {shlex.quote(f'{path}/{name}')} {shlex.quote(f'{path}/{TRASH}/RUN/{name}')}" for name in names
        )
        title = f"Put {len(names)} of {path} on {node} into its trash for {days:g} days"
        return on_node(cls.name, title, {"node": node, "items": names, "days": days}, commands, **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Prove that nobody needs the items, and record them; what a former attempt decided on is kept."""
        if context.former_change is not None:
            return Do(context.former_change, "goes on with what was decided on before")
        audit = judge(gather(world, params["node"]))
        items = _proved(audit, params["items"])
        if not items:
            return Skip(f"none of the items is in {audit.path} on {params['node']} any more")
        change = trash_change(world, params["node"], audit.path, params["days"], context)
        change["items"] = [{"name": i.name, "inode": i.entry.inode} for i in items if i.entry is not None]
        return Do(change, f"nobody needs {_words(change)} on {params['node']}")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Prove it once more for what is not moved yet, and move that."""
        left = [item for item, (here, _) in where(world, change) if here == item["inode"]]
        if left:
            context.progress(f"asking once more who needs {len(left)} items")
            _still(judge(gather(world, change["node"])), left)
            put(world, change, left)
        return Receipt(f"{_words(change)} on {change['node']} went into the trash until {change['until']}")

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """See that each is in the trash, and no longer where it was."""
        wrong = [item["name"] for item, (here, there) in where(world, change) if here or there != item["inode"]]
        if wrong:
            raise Failed(
                Code.FILES_NOT_MOVED,
                f"not in the trash on {change['node']}, or there again: {', '.join(wrong)}",
                hint="see who makes them, then retry; an undo puts back what was moved",
                evidence={"host": change["node"], "directory": change["path"]},
            )
        return receipt

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Move what is in the trash back; fail where something took its place, or it is gone for good."""
        seen = where(world, change)
        gone = [item["name"] for item, (here, there) in seen if item["inode"] not in {here, there}]
        if gone:
            raise Failed(
                Code.FILES_UNKNOWN,
                f"no longer in the trash on {change['node']}: {', '.join(gone)}",
                hint="what was removed of the trash is gone for good; a run that is aborted leaves the rest there",
                evidence={"host": change["node"], "directory": f"{change['path']}/{change['trash']}"},
            )
        put_back(world, change, [item for item, (_, there) in seen if there == item["inode"]])
        return f"{_words(change)} on {change['node']} is in its place"


def trash_change(world: World, node: NodeName, path: str, days: float, context: Context) -> dict[str, Any]:
    """Return a change of this run that moves nothing yet into the trash of a directory, for some days."""
    until = world.clock.now() + timedelta(days=days)
    return {
        "node": node,
        "path": path,
        "trash": f"{TRASH}/{context.run_id}",
        "until": until.isoformat(timespec="seconds"),
        "items": [],
    }


def _proved(audit: Audit, names: Iterable[str]) -> list[Item]:
    """Return the items that are still there, all of them needed by nobody."""
    by_name = {item.name: item for item in audit.items}
    items = [by_name[name] for name in names if name in by_name and by_name[name].entry is not None]
    for item in items:
        why = why_kept(item)
        if why:
            raise _needed(audit, item.name, why)
    return items


def _still(audit: Audit, left: Sequence[dict[str, Any]]) -> None:
    proved = {item.name: item for item in _proved(audit, [item["name"] for item in left])}
    for one in left:
        item = proved.get(one["name"])
        if item is None or item.entry is None or item.entry.inode != one["inode"]:
            raise _needed(audit, one["name"], "it is another one than before")


def _needed(audit: Audit, name: str, why: str) -> Failed:
    return Failed(
        Code.FILES_NEEDED,
        f"{name} on {audit.node} stays: {why}",
        hint=f"nothing of this was moved; see `stackmend instance-dirs audit {audit.node}`",
        evidence={"host": audit.node, "directory": audit.path},
    )


def where(world: World, change: dict[str, Any]) -> list[tuple[dict[str, Any], tuple[int, int]]]:
    """Return each item with the inode number at its place, and in the trash; 0 where there is nothing."""
    script = _script(_WHERE, change, "where", change["items"])
    lines = world.ssh.run(change["node"], script, timeout=MOVE_SECONDS).stdout.splitlines()
    pairs = (line.split() for line in lines)
    return [(item, (int(here), int(there))) for item, (here, there) in zip(change["items"], pairs, strict=True)]


def put(world: World, change: dict[str, Any], items: Iterable[dict[str, Any]]) -> None:
    """Rename items into the trash."""
    world.ssh.run(change["node"], _script(_MOVE, change, "put", items), timeout=MOVE_SECONDS)


def put_back(world: World, change: dict[str, Any], items: Iterable[dict[str, Any]]) -> None:
    """Rename items from the trash to their places."""
    world.ssh.run(change["node"], _script(_BACK, change, "back", items), timeout=MOVE_SECONDS)


def _script(template: str, change: dict[str, Any], call: str, items: Iterable[dict[str, Any]]) -> str:
    calls = "\n".join(f"{call} {shlex.quote(item['name'])} {item['inode']}" for item in items)
    return template.format(
        path=shlex.quote(change["path"]),
        trash=change["trash"],
        root=TRASH,
        until=change["until"],
        file=UNTIL,
        calls=calls,
    )


def _words(change: dict[str, Any]) -> str:
    names = [item["name"] for item in change["items"]]
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
