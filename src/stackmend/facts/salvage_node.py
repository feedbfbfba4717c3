"""Running ``salvage_files.py`` on nodes: what lies in a directory of instances, and who uses it. Nothing is changed."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from stackmend.adapters.world import World
from stackmend.domain.salvage import Copied, Place
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, Failed
from stackmend.facts.units import HELD_DIRECTORY, NOVA_COMPUTE

SECONDS = 120
UNITS = (
    *NOVA_COMPUTE,
    "libvirtd.socket",
    "libvirtd-ro.socket",
    "libvirtd-admin.socket",
    "libvirtd-tcp.socket",
    "libvirtd-tls.socket",
    "libvirtd.service",
    "virtqemud.socket",
    "virtqemud-ro.socket",
    "virtqemud-admin.socket",
    "virtqemud.service",
    "libvirt-guests.service",
)
"""What can start an instance on a compute node; sockets before the services that they start."""

_UNITS = r"""
for unit in {units}; do
  systemctl show -p Id -p LoadState -- "$unit" 2>/dev/null | tr '\n' ' '; echo
done
"""
_AWAKE = r"""
for unit in {units}; do
  state=$(systemctl is-active -- "$unit")
  case $state in inactive|failed) ;; *) echo "$unit is $state" ;; esac
  [ -e {held}/"$unit".json ] || echo "$unit is held no longer"
done
"""


@dataclass(frozen=True)
class Room:
    """What a directory of instances has already, and how much more it can take.

    Attributes:
        free: bytes.
        names: its entries.
        bases: those of its ``_base``.
    """

    free: int
    names: frozenset[str]
    bases: frozenset[str]


def program() -> str:
    """Return the text of the program."""
    return (resources.files("stackmend.facts") / "files" / "salvage_files.py").read_text()


def here_document(verb: str, *words: str) -> str:
    """Return the script that runs the program, which it carries, without leaving it on the node."""
    line = shlex.join(["python3", "-I", "-B", "-", verb, *words])
    return f"{line} <<'END_OF_PROGRAM'\n{program()}\nEND_OF_PROGRAM"


def ask(world: World, node: NodeName, verb: str, *words: str, timeout: float = SECONDS) -> list[dict[str, Any]]:
    """Return the lines that the program says.

    Raises:
        Failed: it could not be asked, or did not come to its end.
    """
    said = world.ssh.run(node, here_document(verb, *words), timeout=timeout).stdout.splitlines()
    lines: list[dict[str, Any]] = [json.loads(line) for line in said]
    if not lines or "end" not in lines[-1]:
        sentence = f"what {node} shows of its directory of instances is not whole"
        raise Failed(Code.COMMAND_FAILED, sentence, evidence={"host": node})
    return lines[:-1]


def tree(world: World, place: Place, names: Iterable[str]) -> tuple[Copied, ...]:
    """Return what lies in entries of a directory of instances, and what their disks rest on."""
    listed = sorted(names)
    return tuple(Copied.from_json(line) for line in ask(world, place.node, "tree", place.path, *listed, timeout=600))


def seals(world: World, place: Place, paths: Iterable[str]) -> dict[str, str]:
    """Return what a write to each file would change; empty for one that is not there."""
    return {line["path"]: line["seal"] for line in ask(world, place.node, "stat", place.path, *sorted(paths))}


def used(world: World, place: Place, ids: Iterable[InstanceId]) -> dict[InstanceId, str]:
    """Return the instances that a process of the machine uses, and which."""
    found: Mapping[InstanceId, str] = {}
    for line in ask(world, place.node, "used", place.path, *sorted(ids)):
        found = {InstanceId(line["instance"]): line["how"], **found}
    return dict(found)


def units_there(world: World, node: NodeName) -> tuple[str, ...]:
    """Return those of ``UNITS`` that a machine has and that are not masked; none where it has no systemd."""
    done = world.ssh.run(node, _UNITS.format(units=" ".join(UNITS)), check=False)
    seen = [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in done.stdout.splitlines()]
    loaded = {one["Id"] for one in seen if one.get("LoadState") == "loaded"}
    return tuple(unit for unit in UNITS if unit in loaded)


def awake(world: World, place: Place, units: Iterable[str], ids: Iterable[InstanceId]) -> tuple[str, ...]:
    """Return what speaks against a node being unable to run its instances, in sentences.

    Args:
        world: the cloud.
        place: the node's own directory of instances.
        units: that must be stopped and held.
        ids: of the instances.
    """
    script = _AWAKE.format(units=" ".join(map(shlex.quote, units)) or "''", held=HELD_DIRECTORY) if units else "true"
    said = world.ssh.run(place.node, script).stdout.splitlines()
    return (*said, *(f"{i} runs ({how})" for i, how in sorted(used(world, place, ids).items())))


def room(world: World, place: Place) -> Room:
    """Return what a directory of instances has, and what it can take."""
    look = r"cd -- {path} && df -B1 --output=avail . | tail -n 1 && find . -mindepth 1 -maxdepth 1 -printf '%f\n'"
    bases = r"; find _base -mindepth 1 -maxdepth 1 -printf '_base/%f\n' 2>/dev/null; true"
    lines = world.ssh.run(place.node, (look + bases).format(path=shlex.quote(place.path))).stdout.splitlines()
    names = lines[1:]
    prefix = "_base/"
    return Room(
        free=int(lines[0]),
        names=frozenset(n for n in names if not n.startswith(prefix)),
        bases=frozenset(n.removeprefix(prefix) for n in names if n.startswith(prefix)),
    )


def checksum(world: World, place: Place, path: str) -> str:
    """Return the SHA-256 of a file."""
    with world.ssh.stream(place.node, here_document("sum", place.path, path)) as read:
        text = b""
        while piece := read(1 << 16):
            text += piece
    last = json.loads((text.splitlines() or [b"{}"])[-1])
    if "sha256" not in last:
        sentence = f"{place.node} could not read {path} to its end"
        raise Failed(Code.DISK_UNREADABLE, sentence, evidence={"host": place.node, "file": path})
    return str(last["sha256"])
