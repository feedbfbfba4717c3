"""Connections that are kept, one a host; all of it runs on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from stackmend.adapters.ssh.errors import CONNECT_SECONDS, known_hosts_files, meaning, no_known_hosts
from stackmend.domain.node import Node, SshAccess
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Refused

if TYPE_CHECKING:
    import asyncssh

KEEPALIVE_SECONDS = 5
KEEPALIVE_MISSES = 3
SESSIONS = 8
"""Commands at once on one connection; OpenSSH's own limit (MaxSessions) is 10."""


class Connections:
    """Open connections to nodes, and to the jump hosts on the way."""

    def __init__(self, nodes: Mapping[NodeName, Node]) -> None:
        self._nodes = nodes
        self._kept: dict[SshAccess, asyncssh.SSHClientConnection] = {}
        self._forgotten: list[asyncssh.SSHClientConnection] = []
        self._locks: dict[SshAccess, asyncio.Lock] = {}
        self._sessions: dict[NodeName, asyncio.Semaphore] = {}

    def access(self, node: NodeName) -> SshAccess:
        """Return how a node is reached.

        Raises:
            Refused: NODE_UNKNOWN.
        """
        if node not in self._nodes:
            raise Refused(
                Code.NODE_UNKNOWN,
                f"the inventory has no node {node}",
                hint="known nodes: " + ", ".join(sorted(self._nodes)),
            )
        return self._nodes[node].ssh

    def sessions(self, node: NodeName) -> asyncio.Semaphore:
        """Return the limit of commands at once on a node."""
        return self._sessions.setdefault(node, asyncio.Semaphore(SESSIONS))

    def kept(self, node: NodeName) -> asyncssh.SSHClientConnection | None:
        """Return the node's connection where there is one that is not known to be dead.

        Raises:
            Refused: NODE_UNKNOWN.
        """
        kept = self._kept.get(self.access(node))
        return None if kept is None or kept.is_closed() else kept

    async def to(self, node: NodeName) -> asyncssh.SSHClientConnection:
        """Return the node's connection, opened where there is none.

        Raises:
            Failed: SSH_UNREACHABLE, SSH_HOST_KEY, SSH_AUTH.
            Refused: NODE_UNKNOWN.
        """
        return await self._open(node, self.access(node))

    async def _open(self, node: NodeName, access: SshAccess) -> asyncssh.SSHClientConnection:
        async with self._locks.setdefault(access, asyncio.Lock()):
            kept = self._kept.get(access)
            if kept is not None and not kept.is_closed():
                return kept
            tunnel = await self._open(node, _hop(access)) if access.jump else None
            self._kept[access] = await _connect(node, access, tunnel)
            return self._kept[access]

    def forget(self, node: NodeName, connection: asyncssh.SSHClientConnection) -> None:
        """Use this connection for nothing new; what still runs on it is left to end."""
        access = self.access(node)
        if self._kept.get(access) is connection:
            self._forgotten.append(self._kept.pop(access))

    def drop(self, node: NodeName) -> None:
        """Break the node's connection without waiting for the other end."""
        kept = self._kept.pop(self.access(node), None)
        if kept is not None:
            kept.abort()

    async def close(self) -> None:
        """Close every connection."""
        kept = [*self._kept.values(), *self._forgotten]
        self._kept.clear()
        self._forgotten.clear()
        for connection in reversed(kept):
            connection.close()
        if kept:
            await asyncio.wait([asyncio.ensure_future(c.wait_closed()) for c in kept], timeout=2)


def _hop(access: SshAccess) -> SshAccess:
    """Return how the last jump host before a node is reached, itself by those before it (``a,b`` goes by a, then b)."""
    *before, last = access.jump.split(",")
    user, _, place = last.strip().rpartition("@")
    address, port = place, 22
    if place.startswith("["):
        address, _, rest = place[1:].partition("]")
        port = int(rest.lstrip(":") or 22)
    elif place.count(":") == 1:
        address, _, digits = place.partition(":")
        port = int(digits)
    return replace(access, user=user or access.user, address=address, port=port, jump=",".join(before), sudo=False)


async def _connect(
    node: NodeName, access: SshAccess, tunnel: asyncssh.SSHClientConnection | None
) -> asyncssh.SSHClientConnection:
    import asyncssh  # noqa: PLC0415 - late, because it is slow

    files = known_hosts_files(access)
    if not files:
        raise no_known_hosts(node, access)
    try:
        return await asyncssh.connect(
            access.address,
            access.port,
            username=access.user,
            client_keys=[access.key] if access.key else (),
            known_hosts=files,
            tunnel=tunnel or (),
            preferred_auth="publickey",
            gss_host=None,
            connect_timeout=CONNECT_SECONDS,
            login_timeout=CONNECT_SECONDS,
            keepalive_interval=KEEPALIVE_SECONDS,
            keepalive_count_max=KEEPALIVE_MISSES,
        )
    except (asyncssh.Error, OSError, ValueError) as error:
        raise meaning(error, node, access) from error
