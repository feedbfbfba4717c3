"""A shell on a guest's open disks, for a limited time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Unpack

from stackmend.actions import rescue_node
from stackmend.actions.base import Action, Context
from stackmend.actions.rescue_reading import MOST, check_rest, open_pid
from stackmend.actions.steps import Place, on_node
from stackmend.adapters.received import printable
from stackmend.adapters.world import World
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.rescue import Guarded, Reader
from stackmend.domain.values import JsonObject

_OPENED = re.compile(r": mount_local_open \(/(.*), 0[0-7]*\)$")


class OpenShell(Action):
    """Give the operator's terminal a shell that sees the disks read-only; it ends by itself.

    Which files it opened is journaled where libguestfs reads them; what was typed is nobody's business. Parameters:
    node, instance, name, minutes, way. Change: the same, and until (when it ends, whatever was killed meanwhile).
    """

    name = "rescue.shell"

    @classmethod
    def step(cls, guarded: Guarded, minutes: float, reader: Reader, **place: Unpack[Place]) -> Step:
        """Return the step that opens it."""
        title = f"Open a shell on the disks of {guarded.name} for {minutes:g} min"
        params = {**guarded.to_json(), "minutes": minutes, "way": reader.value}
        return on_node(cls.name, title, params, ("ssh … chroot /disks sh",), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Decide when it ends; an attempt after a failed one has no more time than that one."""
        until = world.clock.now() + timedelta(minutes=params["minutes"])
        former = context.former_change or {}
        return Do({"until": until.isoformat(), **params, **former}, f"a shell is opened for {params['minutes']:g} min")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Open it, and wait for its end."""
        guarded = Guarded.of(change)
        open_pid(world, guarded)
        seconds = (datetime.fromisoformat(change["until"]) - world.clock.now()).total_seconds()
        if seconds < 1:
            return Receipt(f"the shell's {change['minutes']:g} min are over; what it opened before is not known")
        before = rescue_node.said(world, guarded)
        context.progress(f"the disks are below /disks, read-only, for {seconds:.0f} s; exit or Ctrl-D ends it")
        started = world.clock.monotonic()
        world.ssh.terminal(guarded.node, rescue_node.shell(guarded, int(seconds)), seconds + 15)
        lasted = f"a shell was open for {world.clock.monotonic() - started:.0f} s"
        check_rest(world, guarded)
        if change["way"] != Reader.LIBGUESTFS.value:
            return Receipt(f"{lasted}; which files it opened is not known, as only libguestfs tells")
        files, more = opened(rescue_node.said(world, guarded)[len(before) :])
        data: JsonObject = {"opened": files, "more": more}
        return Receipt(f"{lasted}; {len(files) + more} files were opened", data)


def opened(lines: Iterable[str]) -> tuple[list[JsonObject], int]:
    """Return the files that libguestfs was asked to open, each once, and how many more there were than are kept."""
    paths = dict.fromkeys(found[1] for line in lines if (found := _OPENED.search(line)))
    split = [path.partition("/") for path in paths]
    files: list[JsonObject] = [{"system": printable(name), "path": printable("/" + path)} for name, _, path in split]
    return files[:MOST], max(0, len(files) - MOST)
