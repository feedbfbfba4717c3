"""Libvirt's domains on nodes: one script a host, however many domains it has."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator

from stackmend.adapters.ssh import Completed
from stackmend.adapters.world import World
from stackmend.domain.instance import Domain
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, Failed, StackmendError

SECONDS = 60
UUID_LENGTH = 36
_DOMAIN = "==== domain "
_SAVED = "==== saved "

_SCRIPT = f"""
ask() {{ virsh -r -q -c qemu:///system "$@"; }}
ids=$(ask list --all --uuid) || exit
for id in $ids; do
  commands="$commands echo '{_DOMAIN}$id' ; domstate $id ; dumpxml $id ;"
done
[ -z "$commands" ] || ask "$commands"
for id in $(ask list --all --with-managed-save --uuid); do echo "{_SAVED}$id"; done
"""


def on_node(world: World, node: NodeName) -> dict[InstanceId, Domain]:
    """Return the domains that libvirt has on a node, running or not, nova's or not.

    Raises:
        Failed: the node or its libvirt could not be asked.
    """
    return parse(world.ssh.run(node, _SCRIPT, timeout=SECONDS).stdout)


def on_nodes(world: World, nodes: Iterable[NodeName]) -> dict[NodeName, dict[InstanceId, Domain] | StackmendError]:
    """Return the domains on each of many nodes, asked side by side; a node's error is its answer."""
    answers = world.ssh.run_many(dict.fromkeys(nodes, _SCRIPT), timeout=SECONDS)
    return {node: _parsed(answer) for node, answer in answers.items()}


def _parsed(answer: Completed | StackmendError) -> dict[InstanceId, Domain] | StackmendError:
    if isinstance(answer, StackmendError):
        return answer
    try:
        return parse(answer.stdout)
    except Failed as error:
        return error


def parse(output: str) -> dict[InstanceId, Domain]:
    """Return the domains in what the script shows; one that went away meanwhile is left out.

    Raises:
        Failed: COMMAND_FAILED where libvirt's XML makes no sense.
    """
    shown, *saved = output.split(_SAVED)
    ids = {line.strip() for line in saved}
    domains = (_domain(part, ids) for part in shown.split(_DOMAIN)[1:])
    return {domain.uuid: domain for domain in domains if domain is not None}


def _domain(part: str, saved: set[str]) -> Domain | None:
    # a quiet virsh ends what it echoes with no newline
    uuid, rest = part[:UUID_LENGTH], part[UUID_LENGTH:]
    state, xml, _ = rest.partition("<domain ")
    if not xml:
        return None
    root = root_of(uuid, rest[rest.index("<domain ") :])
    cpu = root.find("cpu")
    emulated = root.get("type") == "qemu"
    return Domain(
        uuid=InstanceId(uuid),
        name=root.findtext("name") or "",
        state=state.strip(),
        cpu_xml="" if cpu is None or emulated else ET.tostring(cpu, encoding="unicode").strip(),
        devices=tuple(_devices(root)),
        saved=uuid in saved,
        files=tuple(path for source in root.iterfind("devices/disk//source") if (path := source.get("file"))),
        title=root.findtext("metadata/{*}instance/{*}name") or "",
    )


def root_of(uuid: str, xml: str) -> ET.Element:
    """Return the XML of a domain, parsed.

    A document type, which libvirt never writes and which could define entities, is refused.

    Raises:
        Failed: COMMAND_FAILED where it makes no sense.
    """
    if "<!DOCTYPE" in xml:
        raise Failed(Code.COMMAND_FAILED, f"libvirt's XML of domain {uuid} has a document type")
    try:
        return ET.fromstring(xml[: xml.rindex("</domain>") + len("</domain>")])  # noqa: S314 - no entities, see above
    except (ET.ParseError, ValueError) as error:
        raise Failed(Code.COMMAND_FAILED, f"libvirt's XML of domain {uuid} cannot be read: {error}") from error


def _devices(root: ET.Element) -> Iterator[str]:
    """Yield host devices and shares that tie a domain to its host."""
    for device in root.iterfind("devices/hostdev"):
        yield _hostdev(device)
    for device in root.iterfind("devices/interface[@type='hostdev']"):
        yield f"network function {_address(device.find('source/address'))}"
    for device in root.iterfind("devices/filesystem"):
        target = device.find("target")
        yield f"file share {'' if target is None else target.get('dir', '')}".strip()


def _hostdev(device: ET.Element) -> str:
    kind = device.get("type", "host device")
    if kind == "usb":
        ids = (device.find("source/vendor"), device.find("source/product"))
        return "USB device " + ":".join((i.get("id", "") if i is not None else "").removeprefix("0x") for i in ids)
    if kind == "mdev":
        address = device.find("source/address")
        return f"mediated device {'' if address is None else address.get('uuid', '')}".strip()
    return f"{kind.upper()} device {_address(device.find('source/address'))}".strip()


def _address(address: ET.Element | None) -> str:
    """Return a PCI address as lspci writes it."""
    if address is None:
        return ""
    domain, bus, slot, function = (
        address.get(part, "0x0").removeprefix("0x") for part in ("domain", "bus", "slot", "function")
    )
    return f"{domain:>04}:{bus:>02}:{slot:>02}.{function}"
