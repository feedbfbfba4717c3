"""Bringing files from one node to another by way of this machine: resumed where they were, throttled, and compared.

Nodes need not trust each other; see docs/adr/0020-a-copy-goes-through-this-machine.md.
"""

from __future__ import annotations

import json
import shlex
import struct
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from stackmend.actions.base import Context
from stackmend.adapters.world import World
from stackmend.domain.outcome import Withdrawn
from stackmend.domain.salvage import Copied, Place
from stackmend.errors import Code, Failed
from stackmend.facts import salvage_node

PROGRAM = "salvage_files.py"
ATTEMPTS = 2
PIECE = 1 << 20
HEAD = struct.Struct(">QI")
MIB = 1 << 20

Whole = Mapping[str, Mapping[str, str]]
"""For each file that was compared: its ``sha256``, and its ``seal`` at the target since."""


@dataclass(frozen=True)
class Load:
    """What is copied.

    Attributes:
        name: for sentences.
        source: directory of instances that is read.
        target: directory that is written: the staging of a run, in the target's directory of instances.
        root: the target's directory of instances.
        files: files and directories.
        rate: bytes a second at most; 0 for no limit.
        times: whether files keep their times.
    """

    name: str
    source: Place
    target: Place
    root: str
    files: tuple[Copied, ...]
    rate: int = 0
    times: bool = True


class Gauge:
    """How much was sent of how much, for a person; and how long to wait for the rate's sake."""

    def __init__(self, world: World, context: Context, load: Load) -> None:
        self._world = world
        self._context = context
        self._load = load
        self._all = sum(file.data for file in load.files)
        self._done = 0
        self._sent = 0
        self._since = world.clock.monotonic()

    def had(self, count: int) -> None:
        """Count bytes that an earlier attempt brought."""
        self._done += count

    def sent(self, count: int) -> None:
        """Count bytes, say how far it is, and pause where they came faster than they may."""
        self._done += count
        self._sent += count
        seconds = self._world.clock.monotonic() - self._since
        if self._load.rate and self._sent > self._load.rate * seconds:
            self._world.clock.pause(self._sent / self._load.rate - seconds)
        speed = f", {self._sent / MIB / seconds:.1f} MiB/s" if seconds > 1 else ""
        words = f"copied {self._done / MIB:.1f} of {self._all / MIB:.1f} MiB of {self._load.name}{speed}"
        self._context.progress(words, min(self._done / self._all, 1.0) if self._all else None)
        if self._context.stopping:
            raise Withdrawn(f"{words}; what is copied stays, and is gone on with")

    def reads(self, path: str, done: int, size: int) -> None:
        """Say how far the comparison of a file is."""
        self._context.progress(f"comparing checksums of {path}", done / size if size else None)


def ensure(world: World, load: Load, context: Context, whole: Whole) -> dict[str, dict[str, str]]:
    """Make the target's files those of the source; return what tells of each that it is.

    A file that was compared, and was not written to since, is not looked at again.

    Raises:
        Failed: INSTANCE_CHANGED where the source was written to since it was decided on; COPY_DIFFERS.
        Withdrawn: the run is stopping.
    """
    _unchanged(world, load)
    files = [file for file in load.files if file.kind == "file"]
    seals = salvage_node.seals(world, load.target, [f.path for f in files])
    gauge = Gauge(world, context, load)
    sums: dict[str, str] = {}
    for file in files:
        known = whole.get(file.path)
        if known and seals[file.path] == known["seal"]:
            sums[file.path] = known["sha256"]
            gauge.had(file.data)
        else:
            sums[file.path] = _bring(world, load, file, gauge, context)
    if any(path not in whole or seals[path] != whole[path]["seal"] for path in sums):
        _finish(world, load)
        seals = salvage_node.seals(world, load.target, sums)
    _unchanged(world, load)
    return {path: {"sha256": sums[path], "seal": seals[path]} for path in sums}


def _unchanged(world: World, load: Load) -> None:
    """Raise ``Failed`` where the source's files are not those that were decided on."""
    files = [file for file in load.files if file.kind == "file"]
    now = salvage_node.seals(world, load.source, [f.path for f in files])
    wrong = [file.path for file in files if now[file.path] != file.seal]
    if wrong:
        raise Failed(
            Code.INSTANCE_CHANGED,
            f"{', '.join(wrong)} in {load.source} changed since the plan was made: something writes there",
            hint=f"find out what on {load.source.node} does; then undo this run, and begin again",
            evidence={"host": load.source.node, "directory": load.source.path},
        )


def _bring(world: World, load: Load, file: Copied, gauge: Gauge, context: Context) -> str:
    """Copy what is missing of a file, and compare; return its checksum."""
    sums: list[str] = []
    for attempt in range(1, ATTEMPTS + 1):
        there = _on_target(world, load, "at", file.path)
        complete = there["size"] == file.size and not there["partial"] and file.size > 0
        at = file.size if complete else int(there["at"])
        gauge.had(min(at, file.data))
        if not complete:
            _send(world, load, file, at, gauge)
        sums = _compare(world, load, file, gauge)
        if sums[0] == sums[1]:
            return sums[0]
        here = shlex.quote(f"{load.target.path}/{file.path}")
        world.ssh.run(load.target.node, f"rm -f -- {here} {here}.stackmend-at")
        words = f"{file.path} differs on {load.target.node}: SHA-256 {sums[1]}, not {sums[0]}; it was thrown away"
        context.note({"file": file.path, "attempt": attempt, "source": sums[0], "target": sums[1]}, words)
        gauge.had(-file.data)
    raise Failed(
        Code.COPY_DIFFERS,
        f"{file.path} was copied {ATTEMPTS} times to {load.target.node}, and differed each time",
        hint="look at the disks and the memory of both nodes; nothing of the instance was put in place; retry copies "
        "it anew",
        evidence={"file": file.path, "source sha256": sums[0], "target sha256": sums[1]},
    )


def _send(world: World, load: Load, file: Copied, at: int, gauge: Gauge) -> None:
    """Send a file from an offset on."""
    source, target = load.source, load.target
    script = salvage_node.here_document("send", source.path, file.path, str(at))
    words = ["python3", "-I", "-B", f"{target.path}/{PROGRAM}", "receive", target.path, file.path]
    with world.ssh.stream(source.node, script) as read, world.ssh.feed(target.node, shlex.join(words)) as write:
        pieces = _Frames(read)
        while True:
            head, piece = pieces.next(source.node)
            write(head + piece)
            if not piece:
                return
            gauge.sent(len(piece))


class _Frames:
    """Takes the frames out of a stream."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._buffer = bytearray()

    def next(self, node: str) -> tuple[bytes, bytes]:
        """Return the head and the bytes of the next frame."""
        head = self._take(HEAD.size, node)
        return head, self._take(HEAD.unpack(head)[1], node)

    def _take(self, size: int, node: str) -> bytes:
        while len(self._buffer) < size:
            piece = self._read(PIECE)
            if not piece:
                raise Failed(
                    Code.COMMAND_LOST,
                    f"{node} ended in the middle of sending a file",
                    hint="see whether it can read its disk (`dmesg`); a retry goes on where it was",
                    evidence={"host": node},
                )
            self._buffer += piece
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken


def _compare(world: World, load: Load, file: Copied, gauge: Gauge) -> list[str]:
    """Return a file's checksum at the source, and at the target."""

    def read(place: Place) -> str:
        script = salvage_node.here_document("sum", place.path, file.path)
        with world.ssh.stream(place.node, script) as take:
            for line in _lines(take):
                if "sha256" in line:
                    return str(line["sha256"])
                gauge.reads(file.path, int(line["done"]), file.size)
        sentence = f"{place.node} could not read {file.path} to its end"
        raise Failed(Code.DISK_UNREADABLE, sentence, evidence={"host": place.node, "file": file.path})

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(read, (load.source, load.target)))


def _lines(take: Callable[[int], bytes]) -> Iterable[dict[str, Any]]:
    rest = b""
    while piece := take(PIECE):
        *lines, rest = (rest + piece).split(b"\n")
        yield from (json.loads(line) for line in lines)


def _finish(world: World, load: Load) -> None:
    """Give the copies their owners, modes and times; all is on the disk then."""
    lines = "\n".join(json.dumps({**file.to_json(), "times": load.times}) for file in load.files)
    words = ["python3", "-I", "-B", f"{load.target.path}/{PROGRAM}", "finish", load.target.path, load.root]
    world.ssh.run(load.target.node, shlex.join(words), stdin=lines, timeout=600)


def _on_target(world: World, load: Load, verb: str, path: str) -> dict[str, Any]:
    words = ["python3", "-I", "-B", f"{load.target.path}/{PROGRAM}", verb, load.target.path, path]
    said: dict[str, Any] = json.loads(world.ssh.run(load.target.node, shlex.join(words)).stdout)
    return said
