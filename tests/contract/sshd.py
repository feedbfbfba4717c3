"""A real SSH server on the loopback, that runs what it is asked to as its own user, and can lose its connections."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

from stackmend.domain.node import Node, SshAccess
from stackmend.domain.values import NodeName

T = TypeVar("T")


class Sshd:
    """The server, its host key, and the one key that may log in.

    Args:
        folder: of its keys.
        logs: what stands for ``/var/log`` in whatever it is asked to run.
    """

    def __init__(self, folder: Path, *, logs: Path | None = None) -> None:
        self.folder = folder
        self._logs = logs
        self.logins = 0
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self._running: set[asyncio.Task[Any]] = set()
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._key.write_private_key(folder / "key")
        self._listener = self.do(self._listen(0))
        self.port: int = self._listener.get_port()
        self.trust(self._host_key)

    def do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something on the server's loop."""
        future: Future[T] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result(10)

    def trust(self, key: asyncssh.SSHKey | None) -> None:
        """Write the known_hosts file; with no key at all for None."""
        line = f"[127.0.0.1]:{self.port} {key.export_public_key().decode()}" if key else ""
        (self.folder / "known_hosts").write_text(line)

    def node(self, name: str, **access: Any) -> Node:
        """Return a node that this server is."""
        files = {"key": str(self.folder / "key"), "known_hosts": str(self.folder / "known_hosts")}
        ssh = SshAccess("127.0.0.1", **{"port": self.port, **files, **access})
        return Node(NodeName(name), frozenset(), ssh)

    def break_connections(self) -> None:
        """Cut every connection, as a power cut does that is noticed at once."""

        async def cut() -> None:
            for connection in list(self._connections):
                connection.abort()

        self.do(cut())

    def stop(self) -> None:
        """End the server."""

        async def end() -> None:
            self._listener.close()
            for connection in list(self._connections):
                connection.abort()
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
            await self._listener.wait_closed()

        self.do(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self, port: int) -> asyncssh.SSHAcceptor:
        allowed = asyncssh.import_authorized_keys(self._key.export_public_key().decode())
        return await asyncssh.create_server(
            lambda: _Server(self),
            "127.0.0.1",
            port,
            server_host_keys=[self._host_key],
            authorized_client_keys=allowed,
            process_factory=self._run,
            encoding=None,
        )

    async def _run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """Run the command by the shell, once its input is complete; the server's end is the command's."""
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        sent = await process.stdin.read()
        if self._logs is not None:
            sent = sent.replace(b"/var/log", str(self._logs).encode())
        pipe = asyncio.subprocess.PIPE
        assert process.command is not None
        child = await asyncio.create_subprocess_shell(process.command, stdin=pipe, stdout=pipe, stderr=pipe)
        try:
            out, err = await child.communicate(sent)
        except asyncio.CancelledError:
            child.kill()
            await child.communicate()
            raise
        process.stdout.write(out)
        process.stderr.write(err)
        process.exit(child.returncode or 0)

    def opened(self, connection: asyncssh.SSHServerConnection) -> None:
        """Note a connection."""
        self.logins += 1
        self._connections.add(connection)

    def closed(self, connection: asyncssh.SSHServerConnection) -> None:
        """Forget a connection."""
        self._connections.discard(connection)


class _Server(asyncssh.SSHServer):
    def __init__(self, owner: Sshd) -> None:
        self._owner = owner

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._owner.opened(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._owner.closed(self._connection)

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        del dest_host, dest_port, orig_host, orig_port
        return True
