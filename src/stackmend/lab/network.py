"""The bridge that joins the hosts: an address of its own, no route, no forwarding, and no clash with what is there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from typing import Any

from stackmend.errors import Code, Refused
from stackmend.lab import shell
from stackmend.lab.settings import Settings

ALIAS = "stackmend-lab"
"""Marks a bridge as the lab's own (``ip link … alias``)."""


def exists(settings: Settings) -> bool:
    """Return whether there is an interface of the bridge's name."""
    return any(link["ifname"] == settings.bridge for link in _links())


def check(settings: Settings) -> None:
    """Raise Refused where the bridge's name or the subnet is taken by something else."""
    routes = json.loads(shell.run(["ip", "-json", "-4", "route", "show", "table", "all"]))
    clash = find_clash(settings.bridge, settings.subnet, _links(), routes)
    if clash:
        raise Refused(
            Code.LAB_CLASH, clash, hint="Set STACKMEND_LAB_BRIDGE or STACKMEND_LAB_SUBNET to something that is free."
        )


def find_clash(
    bridge: str, subnet: IPv4Network, links: Iterable[Mapping[str, Any]], routes: Iterable[Mapping[str, Any]]
) -> str:
    """Return what stands in the lab's way, as a sentence; empty where nothing does.

    Args:
        bridge: name the bridge shall have.
        subnet: network the lab shall have.
        links: ``ip -json -details link``.
        routes: ``ip -json -4 route show table all``.
    """
    for link in links:
        if link["ifname"] == bridge and link.get("ifalias") != ALIAS:
            return f"There is a network interface {bridge} already, and it is not the lab's"
    for route in routes:
        dst = str(route.get("dst", "default"))
        if route.get("dev") == bridge or dst == "default" or route.get("type") in {"broadcast", "multicast"}:
            continue
        network = IPv4Network(dst, strict=False)
        if network.overlaps(subnet) and network.prefixlen > 0:
            return f"The lab's network {subnet} overlaps {network} on {route.get('dev', 'this machine')}"
    return ""


def create(settings: Settings) -> None:
    """Make the bridge, up and with its address, unless it is there."""
    name = settings.bridge
    if not exists(settings):
        shell.run(["ip", "link", "add", name, "type", "bridge", "forward_delay", "0", "stp_state", "0"])
        shell.run(["ip", "link", "set", name, "alias", ALIAS])
    shell.run(["ip", "address", "replace", f"{settings.gateway}/{settings.management.prefixlen}", "dev", name])
    shell.run(["ip", "link", "set", name, "up"])


def remove(settings: Settings) -> None:
    """Remove the bridge where it is the lab's."""
    for link in _links():
        if link["ifname"] == settings.bridge and link.get("ifalias") == ALIAS:
            shell.run(["ip", "link", "delete", settings.bridge])


def _links() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(shell.run(["ip", "-json", "-details", "link", "show"]))
    return found
