"""A command on a node with this process's own standard input and output: a terminal there where there is one here."""

from __future__ import annotations

import asyncio
import os
import select
import shutil
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncssh

CHUNK = 1 << 15
GLANCE_SECONDS = 0.2
"""How long the end of the command may go unnoticed while nothing is typed."""


async def attach(connection: asyncssh.SSHClientConnection, line: str, seconds: float) -> int | None:
    """Run a command until it ends, or ``seconds`` have passed; return its exit status, None where none came."""
    import asyncssh  # noqa: PLC0415 - late, because it is slow

    terminal = sys.stdin.isatty()
    kind = os.environ.get("TERM", "dumb") if terminal else None
    process = await connection.create_process(
        line, term_type=kind, term_size=shutil.get_terminal_size(), encoding=None, stderr=asyncssh.STDOUT
    )
    over = threading.Event()
    typing = threading.Thread(target=_type, args=(process, asyncio.get_running_loop(), over), daemon=True)
    try:
        with _raw(terminal=terminal):
            typing.start()
            with suppress(TimeoutError):
                await asyncio.wait_for(_show(process), seconds)
    finally:
        over.set()
        process.close()
    await process.wait_closed()
    return process.returncode


async def _show(process: asyncssh.SSHClientProcess[bytes]) -> None:
    while piece := await process.stdout.read(CHUNK):
        os.write(sys.stdout.fileno(), piece)


def _type(process: asyncssh.SSHClientProcess[bytes], loop: asyncio.AbstractEventLoop, over: threading.Event) -> None:
    """Send what is typed; runs in a thread of its own, as reading a terminal blocks."""
    source = sys.stdin.fileno()
    while not over.is_set():
        if not select.select([source], [], [], GLANCE_SECONDS)[0]:
            continue
        piece = os.read(source, CHUNK)
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(_send, process, piece)
        if not piece:
            return


def _send(process: asyncssh.SSHClientProcess[bytes], piece: bytes) -> None:
    with suppress(OSError):  # the command has ended meanwhile
        if piece:
            process.stdin.write(piece)
        else:
            process.stdin.write_eof()


@contextmanager
def _raw(*, terminal: bool) -> Iterator[None]:
    """Let every key through to the node, Ctrl-C too."""
    if not terminal:
        yield
        return
    source = sys.stdin.fileno()
    former = termios.tcgetattr(source)
    tty.setraw(source, termios.TCSADRAIN)  # what was typed ahead stays
    try:
        yield
    finally:
        termios.tcsetattr(source, termios.TCSADRAIN, former)
