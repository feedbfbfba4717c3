"""By which addresses each node is known: the inventory's, by name or number, and the one that nova has of it."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from stackmend.adapters.world import World
from stackmend.domain.values import NodeName
from stackmend.errors import StackmendError
from stackmend.facts import hypervisors
from stackmend.facts.concurrently import each


def known(world: World) -> dict[NodeName, frozenset[str]]:
    """Return the addresses of each node of the inventory, as numbers; nova's are left out where it cannot be asked."""
    by_nova = _by_nova(world)
    numbers = each(lambda node: _numbers(world.inventory.nodes[node].ssh.address), world.inventory.nodes)
    return {node: numbers[node] | ({by_nova[node]} if node in by_nova else set()) for node in numbers}


def _by_nova(world: World) -> Mapping[NodeName, str]:
    try:
        return hypervisors.addresses(world)
    except StackmendError:
        return {}  # the inventory's are enough to go on with


def _numbers(address: str) -> frozenset[str]:
    """Return what a name or number stands for; itself where nobody knows the name."""
    try:
        found = socket.getaddrinfo(address, None, type=socket.SOCK_STREAM)
    except OSError:
        return frozenset({address})
    return frozenset(str(sockaddr[0]).partition("%")[0] for *_, sockaddr in found)
