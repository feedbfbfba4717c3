"""The volumes in libvirt's domains, and whether QEMU has them open: one script a host, however many domains it has."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from stackmend.adapters.ssh import Completed
from stackmend.adapters.world import World
from stackmend.domain.instance import Domain
from stackmend.domain.values import InstanceId, NodeName
from stackmend.domain.volume import VolumeDisk
from stackmend.errors import Code, Failed, StackmendError
from stackmend.facts.domains import UUID_LENGTH, root_of

SECONDS = 60
_DOMAIN = "==== domain "
_ABSENT = "==== absent "
_END = "==== end"
_SERIAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAME = re.compile(r"block\.(\d+)\.name=(.*)")
_READS = re.compile(r"block\.(\d+)\.rd\.reqs=(\d+)")

_SCRIPT = f"""
ask() {{ timeout 40 virsh -r -q -c qemu:///system "$@"; }}
ids=$(ask list --all --uuid) || exit
for id in $ids; do
  commands="$commands echo '{_DOMAIN}$id' ; domstate $id ; dumpxml $id ; domstats --block $id ;"
done
[ -z "$commands" ] || shown=$(ask "$commands echo '{_END}'") || exit
printf '%s\\n' "$shown" | sed -n "s/.*<source \\(dev\\|file\\)='\\([^']*\\)'.*/\\2/p" | sort -u | while read -r path; do
  [ -e "$path" ] || echo "{_ABSENT}$path"
done
printf '%s\\n' "$shown"
"""


@dataclass(frozen=True)
class NodeDisks:
    """What the libvirt of one node has.

    Attributes:
        disks: the volumes in its domains.
        running: the instances whose domain a QEMU process runs there.
    """

    disks: tuple[VolumeDisk, ...]
    running: frozenset[InstanceId]


def on_nodes(world: World, nodes: Iterable[NodeName]) -> dict[NodeName, NodeDisks | StackmendError]:
    """Return the volumes in the domains of each of many nodes, asked side by side; a node's error is its answer."""
    answers = world.ssh.run_many(dict.fromkeys(nodes, _SCRIPT), timeout=SECONDS)
    return {node: _parsed(node, answer) for node, answer in answers.items()}


def _parsed(node: NodeName, answer: Completed | StackmendError) -> NodeDisks | StackmendError:
    if isinstance(answer, StackmendError):
        return answer
    try:
        return parse(node, answer.stdout)
    except Failed as error:
        return error


def parse(node: NodeName, output: str) -> NodeDisks:
    """Return what the script shows; a domain that went away meanwhile is left out.

    Raises:
        Failed: COMMAND_FAILED where the answer broke off, or libvirt's XML makes no sense.
    """
    head, *parts = output.split(_DOMAIN)
    if parts and _END not in parts[-1]:
        raise Failed(Code.COMMAND_FAILED, f"the libvirt of {node} broke off its answer", evidence={"host": node})
    absent = {line.removeprefix(_ABSENT) for line in head.splitlines() if line.startswith(_ABSENT)}
    disks: list[VolumeDisk] = []
    running = set()
    for part in parts:
        uuid, state, xml, stats = _split(part)
        runs = bool(xml) and Domain(uuid, "", state).is_active
        running |= {uuid} if runs else set()
        disks += _disks(node, uuid, xml, _reads(stats) if runs else None, absent)
    return NodeDisks(tuple(disks), frozenset(running))


def _split(part: str) -> tuple[InstanceId, str, str, str]:
    """Return a domain's UUID, its state, its XML and its statistics; a quiet virsh ends what it echoes unmarked."""
    uuid, rest = part[:UUID_LENGTH], part[UUID_LENGTH:]
    state, start, rest = rest.partition("<domain ")
    xml, end, stats = rest.rpartition("</domain>")
    return InstanceId(uuid), state.strip(), start + xml + end, stats


def _reads(stats: str) -> dict[str, int]:
    """Return the reads of each target of which QEMU gives statistics: those that it has as block devices."""
    reads = dict(_READS.findall(stats))
    return {name.strip(): int(reads[number]) for number, name in _NAME.findall(stats) if number in reads}


def _disks(
    node: NodeName, uuid: InstanceId, xml: str, reads: dict[str, int] | None, absent: set[str]
) -> Iterator[VolumeDisk]:
    """Yield the disks of a domain whose serial is a volume's id; ``reads`` is None where no QEMU runs."""
    if not xml:
        return
    for disk in root_of(uuid, xml).iterfind("devices/disk"):
        serial = (disk.findtext("serial") or "").strip()
        target = disk.find("target")
        if not _SERIAL.fullmatch(serial) or target is None:
            continue
        source = _source(disk.find("source"))
        name = target.get("dev", "")
        yield VolumeDisk(
            node=node,
            instance=uuid,
            volume=serial,
            target=name,
            source=source,
            running=reads is not None,
            opened=name in (reads or {}),
            read=(reads or {}).get(name, 0) > 0,
            present=source not in absent,
        )


def _source(source: ET.Element | None) -> str:
    """Return a disk's path, or its name at a network storage."""
    if source is None:
        return ""
    return source.get("dev") or source.get("file") or f"{source.get('protocol', '')}:{source.get('name', '')}"
