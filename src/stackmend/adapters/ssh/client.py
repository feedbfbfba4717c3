"""Run scripts on nodes, many at once, from any thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from stackmend.adapters.loop import LoopThread
from stackmend.adapters.ssh.command import Command, Completed, tail
from stackmend.adapters.ssh.connections import Connections
from stackmend.adapters.ssh.errors import CONNECT_SECONDS, meaning, no_answer
from stackmend.adapters.ssh.terminal import attach
from stackmend.domain.node import Node
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Failed, StackmendError

if TYPE_CHECKING:
    import asyncssh

STREAM_SECONDS = 24 * 3600.0
"""How long a stream may go on."""
SILENT_SECONDS = 120.0
"""How long a stream may bring nothing."""
AT_ONCE = 50
"""Nodes that ``run_many`` works on at once."""
GRACE_SECONDS = 10
"""How much longer than a command's own timeout the near side waits for the far side's timeout(1) to say so."""


class Ssh:
    """The shells of a cloud's nodes.

    One connection a node is opened when it is first needed, and kept; a dead one is noticed by keepalives and opened
    anew. Host keys are always checked. Every method may be called from any thread.

    Args:
        nodes: who can be reached, and how.
    """

    def __init__(self, nodes: Mapping[NodeName, Node]) -> None:
        self._loop = LoopThread("stackmend-ssh")
        self._connections = Connections(nodes)

    def run(
        self, node: NodeName, script: str, *, timeout: float = 30.0, check: bool = True, stdin: str = ""
    ) -> Completed:
        """Run a script by ``sh`` on a node and return what came of it.

        The script is sent as a whole before any of it runs. Where a kept connection proves dead before that, it is
        opened anew and the script is sent there; it is never run twice.

        Args:
            node: where.
            script: for a POSIX shell, in the C locale; by ``sudo -n`` where the inventory says so.
            timeout: seconds, after which the script is ended on the node.
            check: whether a status other than 0 is an error.
            stdin: what the script may read.

        Raises:
            Failed: SSH_UNREACHABLE, SSH_HOST_KEY, SSH_AUTH before anything ran; COMMAND_FAILED; COMMAND_TIMEOUT;
                COMMAND_LOST where the connection broke while the script ran, so that its end is not known.
            Refused: NODE_UNKNOWN.
        """
        return self._loop.call(self._run(self._command(node, script, timeout, stdin), check=check))

    def run_many(
        self, scripts: Mapping[NodeName, str], *, timeout: float = 30.0, check: bool = True, within: float | None = None
    ) -> dict[NodeName, Completed | StackmendError]:
        """Run one script a node, on up to ``AT_ONCE`` nodes at once; a node's error is its answer.

        Args:
            scripts: the script of each node.
            timeout: seconds for each script.
            check: whether a status other than 0 is an error.
            within: seconds after which a node counts as unreachable, its connection's own patience included; what runs
                there is left to its timeout. None for no such limit.
        """
        return self._loop.call(self._run_many(scripts, timeout, within, check=check)) if scripts else {}

    def reset(self, node: NodeName) -> None:
        """Drop the node's kept connection, as after a reboot; what runs on it is lost."""
        if self._loop.started:
            self._loop.call(self._reset(node))

    @contextmanager
    def forward(self, node: NodeName, host: str, port: int) -> Iterator[int]:
        """Forward a local TCP port to a host and port as the node sees them, while the context lasts.

        Yields:
            The port, on 127.0.0.1.

        Raises:
            Failed: SSH_UNREACHABLE, SSH_HOST_KEY, SSH_AUTH.
        """
        listener = self._loop.call(self._listen(node, host, port))
        try:
            yield listener.get_port()
        finally:
            self._loop.call(_close(listener))

    @contextmanager
    def stream(self, node: NodeName, script: str) -> Iterator[Callable[[int], bytes]]:
        """Run a script on a node and read what it writes, bytes, while the context lasts; its end ends the script.

        Yields:
            A function that gives at most so many bytes, none at the end. It raises ``Failed``: COMMAND_LOST, or
            COMMAND_TIMEOUT where nothing comes for ``SILENT_SECONDS``.

        Raises:
            Failed: as ``run``.
        """
        command = self._command(node, script, STREAM_SECONDS)
        process = self._loop.call(self._stream(command))
        try:
            yield lambda count: self._loop.call(_read(process, command, count))
        finally:
            self._loop.call(_end(process))

    @contextmanager
    def feed(self, node: NodeName, script: str) -> Iterator[Callable[[bytes], None]]:
        """Run a script on a node and give it bytes to read, while the context lasts; a clean end waits for its own.

        Where the context ends by an error, the script's input ends too early, which it must notice.

        Yields:
            A function that sends bytes, and waits while the node takes none. It raises ``Failed``: COMMAND_LOST, or
            COMMAND_TIMEOUT where nothing is taken for ``SILENT_SECONDS``.

        Raises:
            Failed: as ``run``.
        """
        command = self._command(node, script, STREAM_SECONDS)
        process = self._loop.call(self._fed(command))
        try:
            yield lambda piece: self._loop.call(_write(process, command, piece))
        except BaseException:
            self._loop.call(_cut_short(process))
            raise
        try:
            command.judge(self._loop.call(_fed_end(process, command)), 0.0, check=True)
        finally:
            self._loop.call(_end(process))

    def terminal(self, node: NodeName, line: str, seconds: float) -> int | None:
        """Run a command line on a node with this process's own standard input and output; return its exit status.

        It has a terminal there where standard input is one. After ``seconds`` it is left. None is returned where its
        exit status is not known, as the connection broke.

        Raises:
            Failed: as ``run``, before anything ran.
        """
        return self._loop.call(self._terminal(node, line, seconds))

    def close(self) -> None:
        """Close every connection; may be called twice."""
        if self._loop.started:
            self._loop.call(self._connections.close())
            self._loop.stop()

    def _command(self, node: NodeName, script: str, timeout: float, stdin: str = "") -> Command:
        return Command(node, script, timeout, stdin, sudo=self._connections.access(node).sudo)

    async def _run(self, command: Command, *, check: bool) -> Completed:
        async with self._connections.sessions(command.node):
            process = await self._start(command.node, command.line)
            started = time.monotonic()
            try:
                completed = await asyncio.wait_for(_finish(process, command), command.timeout + GRACE_SECONDS)
            except TimeoutError:
                raise command.timed_out() from None
            except BrokenPipeError as error:  # asyncssh: the channel was closed before any of the script was sent
                raise meaning(error, command.node, self._connections.access(command.node)) from error
            finally:
                process.close()
            return command.judge(completed, time.monotonic() - started, check=check)

    async def _start(self, node: NodeName, line: str) -> asyncssh.SSHClientProcess[str]:
        """Start a command that waits for its script; on a new connection where the kept one is dead."""
        import asyncssh  # noqa: PLC0415 - late, because it is slow

        kept = self._connections.kept(node)
        if kept is not None:
            try:
                return await _start_on(kept, line)
            except (asyncssh.Error, OSError):
                self._connections.forget(node, kept)
        try:
            return await _start_on(await self._connections.to(node), line)
        except (asyncssh.Error, OSError) as error:
            raise meaning(error, node, self._connections.access(node)) from error

    async def _stream(self, command: Command) -> asyncssh.SSHClientProcess[bytes]:
        """Start a command whose output is bytes; on a new connection where the kept one is dead."""
        process = await self._binary(command.node, command.line)
        process.stdin.write(command.text.encode())
        process.stdin.write_eof()
        return process

    async def _fed(self, command: Command) -> asyncssh.SSHClientProcess[bytes]:
        """Start a command whose input is bytes; on a new connection where the kept one is dead."""
        return await self._binary(command.node, command.fed_line)

    async def _binary(self, node: NodeName, line: str) -> asyncssh.SSHClientProcess[bytes]:
        import asyncssh  # noqa: PLC0415 - late, because it is slow

        try:
            connection = await self._connections.to(node)
            return await asyncio.wait_for(connection.create_process(line, encoding=None), CONNECT_SECONDS)
        except (asyncssh.Error, OSError) as error:
            raise meaning(error, node, self._connections.access(node)) from error

    async def _terminal(self, node: NodeName, line: str, seconds: float) -> int | None:
        import asyncssh  # noqa: PLC0415 - late, because it is slow

        access = self._connections.access(node)
        try:
            connection = await self._connections.to(node)
            return await attach(connection, f"sudo -n {line}" if access.sudo else line, seconds)
        except (asyncssh.Error, OSError) as error:
            raise meaning(error, node, access) from error

    async def _run_many(
        self, scripts: Mapping[NodeName, str], timeout: float, within: float | None, *, check: bool
    ) -> dict[NodeName, Completed | StackmendError]:
        limit = asyncio.Semaphore(AT_ONCE)

        async def one(node: NodeName, script: str) -> Completed | StackmendError:
            async with limit:
                try:
                    running = self._run(self._command(node, script, timeout), check=check)
                    return await asyncio.wait_for(running, within)
                except TimeoutError:
                    return no_answer(node, self._connections.access(node), within or 0)
                except StackmendError as error:
                    return error

        answers = await asyncio.gather(*(one(node, script) for node, script in scripts.items()))
        return dict(zip(scripts, answers, strict=True))

    async def _reset(self, node: NodeName) -> None:
        self._connections.drop(node)

    async def _listen(self, node: NodeName, host: str, port: int) -> asyncssh.SSHListener:
        return await (await self._connections.to(node)).forward_local_port("127.0.0.1", 0, host, port)


async def _start_on(connection: asyncssh.SSHClientConnection, line: str) -> asyncssh.SSHClientProcess[str]:
    starting = connection.create_process(line, encoding="utf-8", errors="replace")
    return await asyncio.wait_for(starting, CONNECT_SECONDS)


async def _read(process: asyncssh.SSHClientProcess[bytes], command: Command, count: int) -> bytes:
    import asyncssh  # noqa: PLC0415 - late, because it is slow

    evidence = {"host": command.node, "command": command.label}
    try:
        return await asyncio.wait_for(process.stdout.read(count), SILENT_SECONDS)
    except TimeoutError:
        sentence = f"a command on {command.node} sent nothing for {SILENT_SECONDS:g} s"
        raise Failed(Code.COMMAND_TIMEOUT, sentence, evidence=evidence) from None
    except (asyncssh.Error, OSError) as error:
        sentence = f"the connection to {command.node} broke while a command sent what it read"
        raise Failed(Code.COMMAND_LOST, sentence, evidence=evidence) from error


async def _write(process: asyncssh.SSHClientProcess[bytes], command: Command, piece: bytes) -> None:
    import asyncssh  # noqa: PLC0415 - late, because it is slow

    evidence = {"host": command.node, "command": command.label}
    try:
        process.stdin.write(piece)
        await asyncio.wait_for(process.stdin.drain(), SILENT_SECONDS)
    except TimeoutError:
        sentence = f"a command on {command.node} took nothing for {SILENT_SECONDS:g} s"
        raise Failed(Code.COMMAND_TIMEOUT, sentence, evidence=evidence) from None
    except (asyncssh.Error, OSError) as error:
        said = bytes(await process.stderr.read()) if process.exit_status is not None else b""
        why = f": {tail(said.decode(errors='replace'), lines=1)}" if said.strip() else ""
        sentence = f"a command on {command.node} takes no more of what it was to write{why}"
        raise Failed(Code.COMMAND_LOST, sentence, evidence=evidence) from error


async def _fed_end(process: asyncssh.SSHClientProcess[bytes], command: Command) -> Completed:
    """End the input, and return what came of the command."""
    process.stdin.write_eof()
    try:
        stdout, stderr = await asyncio.wait_for(process.communicate(), SILENT_SECONDS)
    except TimeoutError:
        raise command.timed_out() from None
    if process.returncode is None:
        raise Failed(
            Code.COMMAND_LOST,
            f"the connection to {command.node} broke before a command there had written all that it was sent",
            evidence={"host": command.node, "command": command.label},
        )
    said = [bytes(text or b"").decode(errors="replace") for text in (stdout, stderr)]
    return Completed(command.node, max(process.returncode, -1), *said)


async def _cut_short(process: asyncssh.SSHClientProcess[bytes]) -> None:
    """End the input of a command that has not had all of it, and give it the time to see that."""
    import asyncssh  # noqa: PLC0415 - late, because it is slow

    with suppress(TimeoutError, asyncssh.Error, OSError):
        process.stdin.write_eof()
        await asyncio.wait_for(process.wait(check=False), GRACE_SECONDS)
    process.close()


async def _end(process: asyncssh.SSHClientProcess[bytes]) -> None:
    process.close()


async def _finish(process: asyncssh.SSHClientProcess[str], command: Command) -> Completed:
    stdout, stderr = await process.communicate(command.text)
    if process.returncode is None:
        raise Failed(
            Code.COMMAND_LOST,
            f"the connection to {command.node} broke while a command ran there; whether it ended is not known",
            evidence={"host": command.node, "command": command.label},
        )
    return Completed(command.node, max(process.returncode, -1), str(stdout or ""), str(stderr or ""))


async def _close(listener: asyncssh.SSHListener) -> None:
    listener.close()
    await listener.wait_closed()
