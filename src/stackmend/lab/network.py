"""The bridge that joins the hosts: an address of its own, no route, no forwarding, and no clash with what is there."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from typing import Any

from stackmend.errors import Code, Failed, Refused
from stackmend.lab import shell
from stackmend.lab.settings import Settings

_ALIAS = "stackmend-lab "


def _alias(settings: Settings) -> str:
    """Return what marks a bridge as this lab's own (``ip link … alias``)."""
    return f"{_ALIAS}{settings.state}"[:255]


def exists(settings: Settings) -> bool:
    """Return whether there is an interface of the bridge's name."""
    return any(link["ifname"] == settings.bridge for link in _links())


def check(settings: Settings) -> None:
    """Raise Refused where the bridge's name or the subnet is taken by something else."""
    routes = json.loads(shell.run(["ip", "-json", "-4", "route", "show", "table", "all"]))
    clash = find_clash(settings, _links(), routes)
    if clash:
        raise Refused(
            Code.LAB_CLASH, clash, hint="Set STACKMEND_LAB_BRIDGE or STACKMEND_LAB_SUBNET to something that is free."
        )


def find_clash(settings: Settings, links: Iterable[Mapping[str, Any]], routes: Iterable[Mapping[str, Any]]) -> str:
    """Return what stands in the lab's way, as a sentence; empty where nothing does.

    Args:
        settings: of the lab that shall be.
        links: ``ip -json -details link``.
        routes: ``ip -json -4 route show table all``.
    """
    for link in links:
        if link["ifname"] == settings.bridge and link.get("ifalias") != _alias(settings):
            owner = str(link.get("ifalias", "")).removeprefix(_ALIAS) if _is_lab(link) else ""
            whose = f"it belongs to the lab in {owner}" if owner else "it is not the lab's"
            return f"There is a network interface {settings.bridge} already, and {whose}"
    for route in routes:
        dst = str(route.get("dst", "default"))
        if route.get("dev") == settings.bridge or dst == "default" or route.get("type") in {"broadcast", "multicast"}:
            continue
        network = IPv4Network(dst, strict=False)
        if network.overlaps(settings.subnet) and network.prefixlen > 0:
            return f"The lab's network {settings.subnet} overlaps {network} on {route.get('dev', 'this machine')}"
    return ""


def _is_lab(link: Mapping[str, Any]) -> bool:
    return str(link.get("ifalias", "")).startswith(_ALIAS)


def create(settings: Settings) -> None:
    """Make the bridge, up and with its address, unless it is there."""
    name = settings.bridge
    if not exists(settings):
        shell.run(["ip", "link", "add", name, "type", "bridge", "forward_delay", "0", "stp_state", "0"])
        shell.run(["ip", "link", "set", name, "alias", _alias(settings)])
    shell.run(["ip", "address", "replace", f"{settings.gateway}/{settings.management.prefixlen}", "dev", name])
    shell.run(["ip", "link", "set", name, "up"])


def remove(settings: Settings) -> None:
    """Remove the bridge where it is the lab's."""
    for link in _links():
        if link["ifname"] == settings.bridge and link.get("ifalias") == _alias(settings):
            shell.run(["ip", "link", "delete", settings.bridge])


def unplug(settings: Settings, node: str) -> None:
    """Remove the bridge's end of a node's cable; the kernel removes that of a killed node late."""
    name = f"vb-{settings.machine(node)}"
    if any(link["ifname"] == name for link in _links()):
        with contextlib.suppress(Failed):  # the kernel was quicker
            shell.run(["ip", "link", "delete", name])


def _links() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(shell.run(["ip", "-json", "-details", "link", "show"]))
    return found
