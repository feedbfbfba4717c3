"""The disks of an instance as its node has them, and what the node needs to read them."""

from __future__ import annotations

import json
import shlex
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import PurePosixPath

from stackmend.adapters.world import World
from stackmend.domain.instance import Domain, Instance
from stackmend.domain.rescue import GuestDisk, NodeTools, RescueFacts
from stackmend.errors import Code, Refused
from stackmend.facts import domains, services
from stackmend.facts.settings import instances_path

DIRECTORY = "/var/lib/stackmend/rescue"
"""Where a rescue keeps its files on the node, by the instance's id."""

FORMATS = frozenset({"qcow2", "raw"})

_LOOK = r"""
id={id}; at={at}; here={here}
echo "==== tools"
for tool in qemu-storage-daemon partx blkid mount nsenter python3 systemd-run flock; do
  command -v $tool >/dev/null || echo "it has no program $tool"
done
if command -v qemu-storage-daemon >/dev/null; then
  qemu-storage-daemon --help | grep -q 'fuse,id=' || echo "its qemu-storage-daemon exports nothing by FUSE"
fi
[ -c /dev/fuse ] || echo "it has no /dev/fuse"
[ -c /dev/loop-control ] || echo "it has no loop devices (/dev/loop-control)"
echo "==== leftover"
[ -e "$here/run" ] && cat "$here/run"
echo "==== files"
for file in "$at"/disk "$at"/disk.local "$at"/disk.eph*; do [ -f "$file" ] && echo "$file"; done
echo "==== info"
[ -f "$at/disk.info" ] && cat "$at/disk.info"
echo "==== xml"
virsh -r -q -c qemu:///system dumpxml --inactive $id 2>/dev/null
true"""


def gather(world: World, instance: Instance) -> RescueFacts:
    """Return what a rescue of an instance is decided on.

    Raises:
        Failed: nova, the node or its libvirt could not be asked; whether the instance runs is not known then.
        Refused: the instance is on no node of the inventory.
    """
    node = instance.host
    if node not in world.inventory.nodes:
        raise Refused(
            Code.NODE_UNKNOWN,
            f"{instance.name} is on {node or 'no node'}, which the inventory does not have",
            hint="only the disks of an instance on a node of the inventory can be read",
        )
    text = world.ssh.run(
        node,
        _LOOK.format(
            id=shlex.quote(instance.id),
            at=shlex.quote(f"{instances_path(world, node)}/{instance.id}"),
            here=shlex.quote(f"{DIRECTORY}/{instance.id}"),
        ),
    ).stdout
    domain = domains.on_node(world, node).get(instance.id)
    return parse(text, instance, domain, service_up=services.compute_service(world, node).up)


def parse(text: str, instance: Instance, domain: Domain | None, *, service_up: bool) -> RescueFacts:
    """Return the facts from what the script shows, and from what is known otherwise."""
    parts = _parts(text)
    root = _root(parts["xml"])
    disks, elsewhere = _disks(parts, root)
    return RescueFacts(
        instance=instance,
        domain=domain,
        disks=disks,
        elsewhere=elsewhere,
        ties=(*(domain.devices if domain else ()), *_tpm(root)),
        tools=NodeTools(tuple(parts["tools"].splitlines()), parts["leftover"].strip()),
        service_up=service_up,
    )


def _root(xml: str) -> ET.Element | None:
    """Return libvirt's XML, parsed; None where it has none, or it has a document type, which libvirt never writes."""
    if not xml.strip() or "<!DOCTYPE" in xml:
        return None
    return ET.fromstring(xml)  # noqa: S314 - no entities, see above


def _parts(text: str) -> dict[str, str]:
    parts = {}
    for part in text.split("==== ")[1:]:
        name, _, content = part.partition("\n")
        parts[name] = content
    return parts


def _disks(parts: dict[str, str], root: ET.Element | None) -> tuple[tuple[GuestDisk, ...], tuple[str, ...]]:
    """Return the disks in files, and names of the others; formats as the XML says, else nova's ``disk.info``."""
    if root is not None:
        found = list(root.iterfind("devices/disk[@device='disk']"))
        files = {d for disk in found if (d := _in_file(disk)) is not None}
        others = [_named(disk) for disk in found if _in_file(disk) is None]
        return tuple(sorted(files, key=lambda d: d.name)), tuple(others)
    info = json.loads(parts["info"]) if parts["info"].strip() else {}
    known = {path: info.get(path, "") for path in parts["files"].split()}
    disks = [GuestDisk(PurePosixPath(path).name, path, form) for path, form in known.items() if form in FORMATS]
    return tuple(disks), tuple(f"{path}, whose format nothing tells" for path in known if known[path] not in FORMATS)


def _in_file(disk: ET.Element) -> GuestDisk | None:
    source, driver = disk.find("source"), disk.find("driver")
    path = "" if source is None else source.get("file", "")
    form = "" if driver is None else driver.get("type", "")
    if disk.get("type") != "file" or form not in FORMATS or not path:
        return None
    return GuestDisk(PurePosixPath(path).name, path, form)


def _named(disk: ET.Element) -> str:
    target, source = disk.find("target"), disk.find("source")
    where = {} if source is None else source.attrib
    kind = where.get("protocol") or disk.get("type") or "disk"
    name = where.get("name") or where.get("dev") or where.get("file") or ""
    return f"{'' if target is None else target.get('dev', '')} is {kind} {name}".strip()


def _tpm(root: ET.Element | None) -> Iterator[str]:
    if root is not None and root.find("devices/tpm") is not None:
        yield "an emulated TPM"
