"""Who carries a run out: one lock file a run, held by its process for as long as it lives.

The kernel gives the lock up when the process dies, however it dies, so there is no stale lock and no lease to renew.
Open-file-description locks are used because they can be asked about without being taken: a reader can never make a
claim fail. One lock protects one run's right to append step records; a claim never waits.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stackmend.domain.values import RunId
from stackmend.engine import schema
from stackmend.errors import Code, Refused

_FLOCK = "hhqqi4x"
"""``struct flock`` of 64-bit Linux: type, whence, start, length, pid."""


class Claims:
    """The lock files of a state directory.

    Args:
        directory: the state directory; the files are in its ``runs``.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextmanager
    def held(self, run: RunId) -> Iterator[None]:
        """Hold a run while the block lasts.

        Raises:
            Refused: another process carries it out.
        """
        descriptor = self._open(run, os.O_RDWR | os.O_CREAT)
        try:
            if not _lock(descriptor):
                raise _alive(run, _pid_in(descriptor))
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def holder(self, run: RunId) -> int | None:
        """Return the pid of the process that carries a run out, 0 where it has not said; None where there is none."""
        if not self._path(run).exists():
            return None
        descriptor = self._open(run, os.O_RDONLY)
        try:
            return _pid_in(descriptor) if _is_locked(descriptor) else None
        finally:
            os.close(descriptor)

    def _path(self, run: RunId) -> Path:
        return self._directory / "runs" / f"{run}.lock"

    def _open(self, run: RunId, flags: int) -> int:
        path = self._path(run)
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            return os.open(path, flags | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise schema.unusable(self._directory, str(error)) from error


def _alive(run: RunId, pid: int) -> Refused:
    return Refused(
        Code.RUN_ALIVE,
        f"run {run} is being carried out by process {pid}",
        hint="wait for it, or end it between two steps with Ctrl-C where it runs",
        evidence={"pid": str(pid)},
    )


def _lock(descriptor: int) -> bool:
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    except BlockingIOError:
        return False
    return True


def _is_locked(descriptor: int) -> bool:
    asked = struct.pack(_FLOCK, fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
    answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, asked)
    return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)


def _pid_in(descriptor: int) -> int:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else 0
