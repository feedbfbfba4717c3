"""Open the disks of a resting instance read-only on its node, and close them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Unpack

from stackmend.actions import rescue_node
from stackmend.actions.base import Action, Context
from stackmend.actions.steps import Place, on_node
from stackmend.adapters.world import World
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.rescue import Guarded, GuestDisk, GuestSystem, Opening, Reader
from stackmend.errors import Code, Failed

_COMMANDS = {
    Reader.LIBGUESTFS: ("qemu-storage-daemon --export type=nbd,writable=off", "guestfish --ro … mount-local"),
    Reader.FUSE: (
        "qemu-storage-daemon --export type=fuse,writable=off",
        "mount -o ro,noload,nodev,nosuid,noexec,loop",
    ),
}


class OpenDisks(Action):
    """Have QEMU open each disk, its backing chain with it, and mount what is on them read-only.

    QEMU refuses while somebody has the disk open for writing, unless it is shared. Parameters and change: node,
    instance, name, disks (name, path and form of each), way (``libguestfs`` or ``fuse``), settings (of libguestfs'
    backend), share (whether the paused instance's own QEMU may have them open).
    """

    name = "rescue.open"

    @classmethod
    def step(cls, guarded: Guarded, disks: Iterable[GuestDisk], opening: Opening, **place: Unpack[Place]) -> Step:
        """Return the step that opens disks."""
        listed = [asdict(disk) for disk in disks]
        title = f"Open {' and '.join(d['name'] for d in listed)} of {guarded.name} read-only, mount what is on it"
        how = {"way": opening.reader.value, "settings": opening.settings, "share": opening.share}
        return on_node(
            cls.name, title, {**guarded.to_json(), "disks": listed, **how}, _COMMANDS[opening.reader], **place
        )

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:  # noqa: ARG002
        """Decide nothing: the plan names the disks."""
        return Do(params, f"{params['name']} rests; its disks are opened")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:  # noqa: ARG002
        """Open and mount them."""
        guarded = Guarded.of(change)
        there = rescue_node.state(world, guarded)
        if there.expired or not there.armed:
            raise rescue_node.expired(guarded)
        disks = [GuestDisk.of(disk) for disk in change["disks"]]
        found = rescue_node.open_disks(world, guarded, disks, _opening(change))
        words = "; ".join(map(_sentence, found)) or "nothing is known on them"
        return Receipt(words, {"found": [asdict(one) for one in found], "way": change.get("way", "")})

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """Fail where there is nothing to read."""
        found = receipt.data.get("found")
        if not isinstance(found, list) or not any(one["mounted"] for one in found):
            raise Failed(
                Code.DISK_UNREADABLE,
                f"no file system of {change['name']} can be read: {receipt.sentence}",
                evidence={"host": change["node"], "instance": change["instance"]},
            )
        return receipt

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Close them."""
        return _close(world, Guarded.of(change))


class CloseDisks(Action):
    """Unmount and close the disks of an instance. Parameters and change: node, instance, name."""

    name = "rescue.close"

    @classmethod
    def step(cls, guarded: Guarded, **place: Unpack[Place]) -> Step:
        """Return the step that closes them."""
        command = f"systemctl stop stackmend-rescue-{guarded.instance}-disks"
        title = f"Unmount and close the disks of {guarded.name}"
        return on_node(cls.name, title, dict(guarded.to_json()), (command,), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:  # noqa: ARG002
        """Do it always; what is closed stays so."""
        return Do(params, f"the disks of {params['name']} are closed")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:  # noqa: ARG002
        """Close them."""
        return Receipt(_close(world, Guarded.of(change)))


def _opening(change: dict[str, Any]) -> Opening:
    """Return how a change opens the disks; one that an earlier release journaled says nothing of it."""
    return Opening(Reader(change.get("way", "fuse")), change.get("settings", ""), share=change.get("share", False))


def _close(world: World, guarded: Guarded) -> str:
    rescue_node.close_disks(world, guarded)
    return f"the disks of {guarded.name} are closed on {guarded.node}"


def _sentence(found: GuestSystem) -> str:
    state = "mounted" if found.mounted else "not mounted"
    return f"{found.name} is {found.kind}, {state}" + (f" ({found.sentence})" if found.sentence else "")
