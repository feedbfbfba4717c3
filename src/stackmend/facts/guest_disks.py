"""The disks of an instance as its node has them, and what the node needs to read them."""

from __future__ import annotations

import json
import shlex
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from stackmend.adapters.patience import is_passing
from stackmend.adapters.world import World
from stackmend.domain.instance import Domain, Instance
from stackmend.domain.node import Role
from stackmend.domain.rescue import Appliance, GuestDisk, NodeTools, Rbd, Reader, RescueFacts
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Refused, StackmendError
from stackmend.facts import domains, instances, services
from stackmend.facts.settings import instances_path

DIRECTORY = "/var/lib/stackmend/rescue"
"""Where a rescue keeps its files on the node, by the instance's id."""

FORMATS = frozenset({"qcow2", "raw"})

_LOOK = r"""
id={id}; at={at}; here={here}
echo "==== tools"
need() {{ for tool; do command -v $tool >/dev/null || echo "it has no program $tool"; done; }}
need qemu-storage-daemon mount nsenter python3 systemd-run flock
[ -c /dev/fuse ] || echo "it has no /dev/fuse"
echo "==== fuse"
need partx blkid losetup
if command -v qemu-storage-daemon >/dev/null; then
  qemu-storage-daemon --help | grep -q 'fuse,id=' || echo "its qemu-storage-daemon exports nothing by FUSE"
fi
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


_START = """export LIBGUESTFS_BACKEND=direct
command -v guestfish >/dev/null || { echo 'it has no program guestfish'; exit 1; }
for settings in '' force_tcg; do
  said=$(LIBGUESTFS_BACKEND_SETTINGS=$settings timeout -k 5 %d guestfish -a /dev/null run 2>&1 </dev/null) &&
    echo "$settings" && exit
done
echo "$said" | grep -m 1 -E 'supermin: |libguestfs: error' || echo 'it does not start in time'
exit 1"""
START_SECONDS = 120
"""For libguestfs' first start, which builds its appliance, without hardware to help."""


def appliance(world: World, node: NodeName) -> Appliance:
    """Return whether libguestfs works on a node, by starting it; a /dev/kvm that is there may not work.

    Raises:
        Failed: the node could not be asked.
    """
    done = world.ssh.run(node, _START % START_SECONDS, timeout=2 * START_SECONDS + 20, check=False)
    said = done.stdout.strip()
    return (
        Appliance(works=True, settings=said, sentence="") if done.status == 0 else Appliance(works=False, sentence=said)
    )


def find(world: World, name_or_id: str) -> tuple[Instance, str]:
    """Return an instance, and why nova did not name it, empty where it did; the nodes' libvirts name it else.

    Raises:
        Refused: INSTANCE_UNKNOWN where there is none, or more than one.
        Failed: nova could not be asked, and that is no passing trouble of nova's.
    """
    try:
        return instances.resolve(world, name_or_id), ""
    except StackmendError as error:
        if not is_passing(error):
            raise
        silence = error.sentence
    nodes = [node.name for node in world.inventory.with_role(Role.COMPUTE)]
    answers = domains.on_nodes(world, nodes)
    found = [
        (node, domain)
        for node, answer in answers.items()
        if not isinstance(answer, StackmendError)
        for domain in answer.values()
        if name_or_id.lower() == domain.uuid or name_or_id == domain.title
    ]
    if len(found) != 1:
        mute = ", ".join(node for node, answer in answers.items() if isinstance(answer, StackmendError))
        where = ", ".join(f"{domain.uuid} on {node}" for node, domain in found) or "no node's libvirt"
        raise Refused(
            Code.INSTANCE_UNKNOWN,
            f"nova cannot be asked ({silence}), and {name_or_id} is {where}" + (f"; not asked: {mute}" if mute else ""),
            hint="name it by its id, or wait for nova",
        )
    node, domain = found[0]
    return Instance(domain.uuid, domain.title or domain.name, node, ""), silence


def gather(world: World, instance: Instance, reader: Reader | None = None, silence: str = "") -> RescueFacts:
    """Return what a rescue of an instance is decided on; libguestfs is tried where it may be used.

    Args:
        world: is asked.
        instance: what ``find`` found.
        reader: what is wanted to read; None for the safest that works.
        silence: why nova cannot be asked; it is not asked then.

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
    up = not silence and services.compute_service(world, node).up
    facts = replace(parse(text, instance, domain, service_up=up), silence=silence)
    if reader not in {None, Reader.LIBGUESTFS}:
        return facts
    return replace(facts, tools=replace(facts.tools, appliance=appliance(world, node)))


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
        tools=NodeTools(
            tuple(parts["tools"].splitlines()),
            tuple(parts["fuse"].splitlines()),
            leftover=parts["leftover"].strip(),
        ),
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
    """Return the disks that can be opened, and names of the others.

    Formats are those that libvirt's XML says; where there is none, those of nova's ``disk.info``.
    """
    if root is not None:
        found = [(disk, _in_file(disk) or _in_ceph(disk)) for disk in root.iterfind("devices/disk[@device='disk']")]
        ours = {one for _, one in found if one is not None}
        others = [_named(disk) for disk, one in found if one is None]
        return tuple(sorted(ours, key=lambda d: d.name)), tuple(others)
    info = json.loads(parts["info"]) if parts["info"].strip() else {}
    known = {path: info.get(path, "") for path in parts["files"].split()}
    disks = [GuestDisk(PurePosixPath(path).name, path, form) for path, form in known.items() if form in FORMATS]
    return tuple(disks), tuple(f"{path}, whose format nothing tells" for path in known if known[path] not in FORMATS)


def _in_file(disk: ET.Element) -> GuestDisk | None:
    source, driver = disk.find("source"), disk.find("driver")
    path = "" if source is None else source.get("file", "")
    form = "" if driver is None else driver.get("type", "")
    if disk.get("type") != "file" or form not in FORMATS or not path or _encrypted(disk):
        return None
    return GuestDisk(PurePosixPath(path).name, path, form)


def _in_ceph(disk: ET.Element) -> GuestDisk | None:
    source, driver, target = disk.find("source"), disk.find("driver"), disk.find("target")
    if source is None or driver is None or target is None or source.get("protocol") != "rbd" or _encrypted(disk):
        return None
    image, name = source.get("name", ""), target.get("dev", "")
    if driver.get("type") != "raw" or image.count("/") != 1 or source.find("snapshot") is not None:
        return None
    auth = next(disk.iter("auth"), None)
    secret = None if auth is None else auth.find("secret")
    return GuestDisk(
        name,
        image,
        "raw",
        Rbd(
            servers=tuple((host.get("name", ""), host.get("port", "")) for host in source.iterfind("host")),
            user="" if auth is None else auth.get("username", ""),
            secret="" if secret is None else secret.get("uuid", ""),
        ),
    )


def _encrypted(disk: ET.Element) -> bool:
    return next(disk.iter("encryption"), None) is not None


def _named(disk: ET.Element) -> str:
    target, source = disk.find("target"), disk.find("source")
    where = {} if source is None else source.attrib
    kind = where.get("protocol") or disk.get("type") or "disk"
    name = where.get("name") or where.get("dev") or where.get("file") or ""
    return f"{'' if target is None else target.get('dev', '')} is {kind} {name}".strip()


def _tpm(root: ET.Element | None) -> Iterator[str]:
    if root is not None and root.find("devices/tpm") is not None:
        yield "an emulated TPM"
