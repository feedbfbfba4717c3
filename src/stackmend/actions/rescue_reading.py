"""List the guest's directories, and copy its files to this machine."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Unpack

from stackmend.actions import rescue_node
from stackmend.actions.base import Action, Context
from stackmend.actions.steps import Place, on_node
from stackmend.adapters.received import Receiver, printable
from stackmend.adapters.world import World
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.rescue import Guarded
from stackmend.domain.values import JsonObject
from stackmend.errors import Code, Failed, StackmendError

MOST = 10_000
"""Files and directories that one path may stand for: each is journaled."""

LIST_SECONDS = 60


class ListFiles(Action):
    """List directories of the open disks. Parameters and change: node, instance, name, paths."""

    name = "rescue.list"

    @classmethod
    def step(cls, guarded: Guarded, paths: Iterable[str], **place: Unpack[Place]) -> Step:
        """Return the step that lists them."""
        listed = list(paths)
        title = f"List {', '.join(listed)} of {guarded.name}"
        return on_node(cls.name, title, {**guarded.to_json(), "paths": listed}, ("ls -la",), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:  # noqa: ARG002
        """Decide nothing: the plan names the paths."""
        return Do(params, f"{', '.join(params['paths'])} is listed")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:  # noqa: ARG002
        """List them."""
        guarded = Guarded.of(change)
        script = rescue_node.reading(guarded, open_pid(world, guarded), "list", MOST, change["paths"])
        done = world.ssh.run(guarded.node, script, timeout=LIST_SECONDS, check=False)
        check_rest(world, guarded)
        entries = [json.loads(line) for line in done.stdout.splitlines()]
        if not entries or "end" not in entries[-1]:
            said = entries[-1].get("error", "") if entries else done.stderr.strip()
            raise Failed(Code.GUEST_PATH, printable(said) or "the list is not whole", evidence={"host": guarded.node})
        shown = [{key: printable(value) for key, value in entry.items()} for entry in entries[:-1]]
        return Receipt(f"{len(shown)} entries listed", {"entries": shown})


class CopyFiles(Action):
    """Copy files and directories of the open disks to this machine, checksums compared.

    Parameters and change: node, instance, name, paths, to (directory on this machine).
    """

    name = "rescue.copy"

    @classmethod
    def step(cls, guarded: Guarded, paths: Iterable[str], to: str, **place: Unpack[Place]) -> Step:
        """Return the step that copies them to a directory of this machine."""
        listed = list(paths)
        title = f"Copy {', '.join(listed)} of {guarded.name} to {to} on this machine"
        params = {**guarded.to_json(), "paths": listed, "to": to}
        return on_node(cls.name, title, params, ("ssh … cat", "sha256sum"), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:  # noqa: ARG002
        """Decide nothing: the plan names the paths."""
        return Do(params, f"{', '.join(params['paths'])} is copied to {params['to']}")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Copy them; what was copied by an earlier attempt is copied anew."""
        guarded = Guarded.of(change)
        script = rescue_node.reading(guarded, open_pid(world, guarded), "send", MOST, change["paths"])
        try:
            with world.ssh.stream(guarded.node, script) as read:
                receiver = Receiver(read, Path(change["to"]), context.progress)
                files = receiver.receive()
        except StackmendError:
            if rescue_node.state(world, guarded).expired:
                raise rescue_node.expired(guarded) from None
            raise
        check_rest(world, guarded)
        size = sum(file.size for file in files)
        left = f"; {len(receiver.left_out)} links or special files left out" if receiver.left_out else ""
        data: JsonObject = {"files": [asdict(file) for file in files], "left out": receiver.left_out, "bytes": size}
        return Receipt(f"{len(files)} files, {size} bytes, copied to {change['to']}, checksums equal{left}", data)


def check_rest(world: World, guarded: Guarded) -> None:
    """Raise Failed where the instance has run meanwhile: what was read then is of two times, or of none.

    Raises:
        Failed: RESCUE_EXPIRED, INSTANCE_CHANGED.
    """
    there = rescue_node.state(world, guarded)
    if there.expired:
        raise rescue_node.expired(guarded)
    if there.domain == "running":
        raise Failed(
            Code.INSTANCE_CHANGED,
            f"{guarded.name} runs again, by somebody else's will: what was read meanwhile may be torn",
            hint="ask its owner, then begin again",
            evidence={"host": guarded.node, "instance": guarded.instance},
        )


def open_pid(world: World, guarded: Guarded) -> int:
    """Return the process that holds the disks open.

    Raises:
        Failed: RESCUE_EXPIRED, or DISK_UNREADABLE where they are open no more for another reason.
    """
    there = rescue_node.state(world, guarded)
    if there.expired:
        raise rescue_node.expired(guarded)
    if not there.pid:
        raise Failed(
            Code.DISK_UNREADABLE,
            f"the disks of {guarded.name} are not open on {guarded.node} any more",
            hint="undo the run, which gives the instance back; then begin again",
            evidence={"host": guarded.node},
        )
    return there.pid
