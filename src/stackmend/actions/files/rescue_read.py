"""List or send files of a guest's mounted file systems; runs on a node, in the mount namespace of the disks.

A guest's paths are hostile: a symbolic link may point to the node's own files. So each file system is read by a child
whose root directory it is; nothing outside it has a name there. Everything needed is imported before that.

usage: rescue_read.py list|send TOP MOST REQUEST...; a request is a path, or a file system's name, a colon and a path.

Writes JSON lines. ``send`` follows a file's line by its contents in chunks: 4 bytes of length, so many bytes; a length
of 0 ends it, and a line with its checksum comes. The last line of all says that it is the last.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import struct
import sys
from collections.abc import Callable, Iterator

CHUNK = 1 << 18
OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


class WrongPathError(Exception):
    """A path that cannot be read as asked; the sentence is for the operator."""


def say(**words: object) -> None:
    """Write one line."""
    sys.stdout.buffer.write(json.dumps(words).encode() + b"\n")


def inside(root: str, work: Callable[[], None]) -> int:
    """Do something in a child that has ``root`` for its root directory; return its exit status."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        os.chroot(root)
        os.chdir("/")
        work()
        sys.stdout.flush()
        status = 0
    except (WrongPathError, OSError) as error:
        say(error=str(error))
        sys.stdout.flush()
    finally:
        os._exit(status)


def has(path: str) -> Callable[[], None]:
    """Return what succeeds where a path is there."""

    def look() -> None:
        if not os.path.lexists(path):
            os._exit(2)

    return look


def absolute(path: str) -> str:
    """Return a path from the root directory; POSIX keeps two slashes at the beginning, which mean nothing here."""
    return os.path.normpath("/" + path.lstrip("/"))


def choose(top: str, request: str) -> tuple[str, str]:
    """Return the name of the file system that a request means, and the path on it."""
    names = sorted(os.listdir(top))
    name, colon, rest = request.partition(":")
    if colon and name in names:
        return name, absolute(rest)
    path = absolute(request)
    holding = [n for n in names if inside(os.path.join(top, n), has(path)) == 0]
    if len(holding) == 1:
        return holding[0], path
    if not holding:
        raise WrongPathError(f"{request} is on none of {', '.join(names)}")
    raise WrongPathError(f"{request} is on {', '.join(holding)}: say {holding[0]}:{path}")


def kind(mode: int) -> str:
    """Return a word for the kind of a file."""
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "link" if stat.S_ISLNK(mode) else "special"


def described(path: str, seen: os.stat_result) -> dict[str, object]:
    """Return what is said of a file."""
    words: dict[str, object] = {"path": path, "kind": kind(seen.st_mode), "size": seen.st_size}
    words |= {"mode": stat.filemode(seen.st_mode), "uid": seen.st_uid, "gid": seen.st_gid, "mtime": int(seen.st_mtime)}
    if stat.S_ISLNK(seen.st_mode):
        words["target"] = os.readlink(path)
    return words


def list_one(name: str, path: str, most: int) -> None:
    """Say what a path is, and what is in it where it is a directory."""
    real = os.path.realpath(path)
    paths = sorted(os.path.join(real, n) for n in os.listdir(real)) if os.path.isdir(real) else [real]
    if len(paths) > most:
        raise WrongPathError(f"{path} has {len(paths)} entries, {most} at most are listed")
    for one in paths:
        say(system=name, **described(one, os.lstat(one)))


def walk(path: str) -> Iterator[str]:
    """Yield a path and all below it; symbolic links are not followed."""
    yield path
    if stat.S_ISDIR(os.lstat(path).st_mode):
        for name in sorted(os.listdir(path)):
            yield from walk(os.path.join(path, name))


def send_one(name: str, path: str, most: int) -> None:
    """Send what a path means, all below it too."""
    real = os.path.realpath(path)
    for number, one in enumerate(walk(real)):
        if number >= most:
            raise WrongPathError(f"{path} has more than {most} files and directories; name smaller ones")
        seen = os.lstat(one)
        say(system=name, **described(one, seen))
        if stat.S_ISREG(seen.st_mode):
            send_contents(one)


def send_contents(path: str) -> None:
    """Send a file's bytes and their checksum; one that cannot be read to its end carries the error instead."""
    out, digest, words = sys.stdout.buffer, hashlib.sha256(), {}
    try:
        with open(os.open(path, OPEN_FLAGS), "rb") as file:
            while piece := file.read(CHUNK):
                digest.update(piece)
                out.write(struct.pack(">I", len(piece)) + piece)
    except OSError as error:
        words["error"] = f"{path} cannot be read: {error.strerror}"
    out.write(struct.pack(">I", 0))
    say(sha256=digest.hexdigest(), **words)


def main(verb: str, top: str, most: str, *requests: str) -> int:
    """Do as the command line says; return the exit status."""
    work = list_one if verb == "list" else send_one
    for request in requests:
        try:
            name, path = choose(top, request)
        except WrongPathError as error:
            say(error=str(error))
            return 1
        status = inside(os.path.join(top, name), lambda n=name, p=path: work(n, p, int(most)))  # type: ignore[misc]
        if status:
            return 1
    say(end=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
