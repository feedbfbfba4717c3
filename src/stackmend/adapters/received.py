"""Files that arrive in a stream from a node, written below a directory of this machine.

Their names come from a guest and are hostile: what would leave the directory, or is neither file nor directory, is
not written. The stream is what ``actions/files/rescue_read.py`` sends.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stackmend.domain.rescue import GuestFile
from stackmend.errors import Code, Failed

LONGEST_LINE = 1 << 20
LONGEST_CHUNK = 1 << 20
PRIVATE_FILE, PRIVATE_DIRECTORY = 0o600, 0o700


class Receiver:
    """Writes what a stream brings, file by file; a file has its name only when it is whole.

    Args:
        read: gives at most so many bytes of the stream, none at its end.
        to: directory that receives ``SYSTEM/PATH`` of each file; made where missing.
        progress: is told each path before it is written.
    """

    def __init__(self, read: Callable[[int], bytes], to: Path, progress: Callable[[str], None]) -> None:
        self._read = read
        self._to = to
        self._progress = progress
        self._buffer = bytearray()
        self.left_out: list[str] = []

    def receive(self) -> list[GuestFile]:
        """Write all files; return them.

        Raises:
            Failed: GUEST_PATH, DISK_UNREADABLE as the node says; COPY_DIFFERS where the stream is not whole; USAGE
                where the directory cannot be written.
        """
        try:
            return self._receive()
        except OSError as error:
            where = error.filename or self._to
            raise Failed(Code.USAGE, f"{where} cannot be written: {error.strerror}", hint="mend it, or undo") from error

    def _receive(self) -> list[GuestFile]:
        files = []
        self._to.mkdir(parents=True, exist_ok=True, mode=PRIVATE_DIRECTORY)
        while not (entry := self._line()).get("end"):
            if "error" in entry:
                raise Failed(Code.GUEST_PATH, printable(entry["error"]))
            target = self._target(str(entry["system"]), str(entry["path"]))
            if entry["kind"] == "directory":
                target.mkdir(parents=True, exist_ok=True, mode=PRIVATE_DIRECTORY)
            elif entry["kind"] == "file":
                files.append(self._file(entry, target))
            else:
                self.left_out.append(printable(f"{entry['system']}:{entry['path']} ({entry['kind']})"))
        return files

    def _file(self, entry: dict[str, Any], target: Path) -> GuestFile:
        path = printable(entry["path"])
        self._progress(path)
        target.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE_DIRECTORY)
        part = target.with_name(target.name[:200] + ".stackmend-part")
        part.unlink(missing_ok=True)
        digest, size = hashlib.sha256(), 0
        part.touch(PRIVATE_FILE, exist_ok=False)
        with part.open("wb") as file:
            while piece := self._chunk():
                file.write(piece)
        with part.open("rb") as file:
            while piece := file.read(LONGEST_CHUNK):
                digest.update(piece)
                size += len(piece)
        said = self._line()
        if "error" in said:
            raise Failed(Code.DISK_UNREADABLE, printable(said["error"]), hint="copy what is around it")
        if said["sha256"] != digest.hexdigest() or size != entry["size"]:
            raise _broken(f"{path} has {size} bytes here and {entry['size']} there, or differs")
        part.replace(target)
        return GuestFile(str(entry["system"]), path, size, digest.hexdigest())

    def _target(self, system: str, path: str) -> Path:
        """Return where a file goes; a component that is a symbolic link here, or leads up, is refused."""
        names = [system, *path.strip("/").split("/")]
        if any(name in {".", ".."} or "/" in name or "\0" in name for name in names):
            raise _broken(f"the node sent the path {printable(path)}")
        target = self._to
        for name in filter(None, names):
            target = target / os.fsdecode(name.encode("utf-8", "surrogateescape"))
            if target.is_symlink():
                raise _broken(f"{target} is a symbolic link here, and nothing is written through it")
        return target

    def _line(self) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            if len(self._buffer) > LONGEST_LINE:
                raise _broken("a line without end")
            self._more()
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer[:] = rest
        words: dict[str, Any] = json.loads(line)
        return words

    def _chunk(self) -> bytes:
        (size,) = struct.unpack(">I", self._exactly(4))
        if size > LONGEST_CHUNK:
            raise _broken(f"a chunk of {size} bytes")
        return self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        piece = bytes(self._buffer[:size])
        del self._buffer[:size]
        return piece

    def _more(self) -> None:
        piece = self._read(LONGEST_CHUNK)
        if not piece:
            raise _broken("it ended too early")
        self._buffer += piece


def printable(text: object) -> str:
    """Return text of a guest without what a terminal would obey and what cannot be encoded."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))


def _broken(what: str) -> Failed:
    return Failed(Code.COPY_DIFFERS, f"the copy from the node is not whole: {what}", hint="retry; it is copied anew")
