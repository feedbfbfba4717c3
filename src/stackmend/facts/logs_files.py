"""The files of a machine's logs: which there are, and where in them lines with fixed strings are.

Runs on nodes too, by itself: Python 3.8 and its library are enough. A plain file is searched by grep, which is several
times faster than Python, and mapped into memory, so that only what surrounds a hit is read; what is compressed passes
through its own program in blocks.
"""

from __future__ import annotations

import heapq
import mmap
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Union

View = Union[bytes, mmap.mmap]  # noqa: UP007 - evaluated, and a node's Python may be old

PREFIXES = ("", "kolla/", "containers/")
"""Where deployments put a service's directory, below the directory of logs."""
GENERIC = {
    "api",
    "error",
    "access",
    "server",
    "registry",
    "proxy",
    "engine",
    "other_vhosts_access",
    "manage",
    "general",
}
"""Names of files that say nothing without their directory's."""
UNPACK = {".gz": "gzip", ".xz": "xz", ".bz2": "bzip2", ".zst": "zstd"}
FEW = 3
"""Strings that are looked for one by one."""
BLOCK = 1 << 24
AROUND = 1 << 18
"""Bytes around a hit within which its whole record is, in what is compressed."""
_LOG = re.compile(r"(.+?)\.log(?:[.-].*)?$")


class LogFile(NamedTuple):
    """A file of a log.

    Attributes:
        path: of it.
        service: the process that writes it.
    """

    path: Path
    service: str


class Region(NamedTuple):
    """A part of a file: hits are looked for from ``start`` to ``stop``, and the rest is what surrounds them."""

    view: View
    start: int
    stop: int


def files_of(top: Path, directories: Iterable[str]) -> list[LogFile]:
    """Return the files of a service below the directory of logs, oldest first; of its first directory that has any.

    Raises:
        OSError: a directory cannot be read.
    """
    for directory in (prefix + name for name in directories for prefix in PREFIXES):
        place = top / directory
        if place.is_dir():
            named = [(path, _LOG.match(path.name)) for path in place.iterdir() if path.is_file()]
            found = [LogFile(path, _service(place.name, log.group(1))) for path, log in named if log]
            full = [file for file in found if file.path.stat().st_size]
            if full:
                return sorted(full, key=lambda file: (file.path.stat().st_mtime, str(file.path)))
    return []


def _service(directory: str, stem: str) -> str:
    return f"{directory}-{stem}" if stem in GENERIC and stem != directory else stem


def is_plain(path: Path) -> bool:
    """Return whether a file is not packed."""
    return path.suffix not in UNPACK


def regions(path: Path) -> Iterator[Region]:
    """Yield a file in parts that are searched one after the other.

    Raises:
        OSError: it cannot be read, or what unpacks it is not installed.
        ValueError: it cannot be unpacked.
    """
    tool = UNPACK.get(path.suffix)
    if tool is None:
        yield from _mapped(path)
    else:
        yield from _unpacked(path, tool)


def hits(path: Path, region: Region, strings: list[str]) -> Iterator[tuple[int, bytes]]:
    """Yield offset and text of each line of a region that has one of the strings; of all where there are none."""
    if strings and isinstance(region.view, mmap.mmap):
        return _grepped(path, region, strings)
    if strings:
        return _found(region, re.compile(b"|".join(re.escape(text.encode()) for text in strings)))
    return _all(region)


def line_at(view: View, start: int) -> bytes:
    """Return the line that begins at an offset, without its end."""
    end = view.find(b"\n", start)
    return view[start : end if end >= 0 else len(view)]


def line_before(view: View, start: int) -> int:
    """Return the offset of the line before the one that begins at an offset; -1 where it is the first."""
    return view.rfind(b"\n", 0, start - 1) + 1 if start > 0 else -1


def _mapped(path: Path) -> Iterator[Region]:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if size:
            with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as view:
                yield Region(view, 0, size)


def _unpacked(path: Path, tool: str) -> Iterator[Region]:
    with subprocess.Popen([tool, "-dc", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        stream, kept, start = _pipe(process), b"", 0
        while True:
            block = stream.read(BLOCK)
            view = kept + block
            stop = view.rfind(b"\n", 0, max(len(view) - AROUND, 0)) + 1 if block else len(view)
            if stop > start:
                yield Region(view, start, stop)
            if not block:
                break
            back = view.rfind(b"\n", 0, max(stop - AROUND, 0)) + 1
            kept, start = view[back:], max(start, stop) - back
        said = process.stderr.read() if process.stderr else b""
        if process.wait():
            raise ValueError(said.decode(errors="replace").strip() or f"{tool} ended with status {process.returncode}")


def _grepped(path: Path, region: Region, strings: list[str]) -> Iterator[tuple[int, bytes]]:
    """Yield the lines with one of the strings; few strings each by a grep of its own, which is faster than one for all.

    Spaces around a string are left to us: they are so common that grep would stop at each of them.
    """
    if len(strings) > FEW:
        yield from _grep(path, region, strings)
        return
    wanted, last = [text.encode() for text in strings], -1
    for offset, text in heapq.merge(*(_grep(path, region, [text.strip() or text]) for text in strings)):
        if offset > last and any(string in text for string in wanted):
            last = offset
            yield offset, text


def _grep(path: Path, region: Region, strings: list[str]) -> Iterator[tuple[int, bytes]]:
    words = [word for text in strings for word in ("-e", text)]
    line = ["grep", "-abF", *words, "--", str(path)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}) as process:
        for found in _pipe(process):
            offset, _, text = found.partition(b":")
            if int(offset) >= region.stop:  # written since it was mapped
                break
            yield int(offset), text.rstrip(b"\n")
        process.kill()


def _found(region: Region, pattern: re.Pattern[bytes]) -> Iterator[tuple[int, bytes]]:
    at = region.start
    while True:
        found = pattern.search(region.view, at, region.stop)
        if found is None:
            return
        begin = region.view.rfind(b"\n", 0, found.start()) + 1
        text = line_at(region.view, begin)
        yield begin, text
        at = begin + len(text) + 1


def _all(region: Region) -> Iterator[tuple[int, bytes]]:
    at = region.start
    while at < region.stop:
        text = line_at(region.view, at)
        yield at, text
        at += len(text) + 1


def _pipe(process: subprocess.Popen[bytes]) -> Any:  # noqa: ANN401 - a binary stream; typing's name differs by version
    return process.stdout
