"""Copy the files of instances from one node to another; runs on both nodes, and knows no other.

usage: salvage_files.py tree TOP NAME...
           says, one JSON line each, what lies in the directories NAME of the directory of instances TOP, and which
           files their disks rest on; a line with ``end`` comes last.
       salvage_files.py send TOP PATH OFFSET
           sends a file from an offset in frames: 8 bytes of offset, 4 of length, so many bytes. Holes are left out; a
           frame without bytes, its offset the file's size, comes last.
       salvage_files.py receive TOP PATH
           writes such frames; how far they are on the disk is kept in PATH.stackmend-at.
       salvage_files.py at TOP PATH
           says how far that is.
       salvage_files.py sum TOP PATH
           says every second how far it is, and at last the SHA-256.
       salvage_files.py finish TOP ROOT
           reads lines of ``tree`` and gives the same directories and files below TOP, whose owner that of ROOT stands
           for the one of the other node's directory of instances, their owners, modes and times.
       salvage_files.py stat TOP PATH...
           says what tells whether a file was changed since.
       salvage_files.py used TOP UUID...
           says which processes are QEMU's of these instances, or have files in their directories open.
"""

from __future__ import annotations

import fcntl
import grp
import hashlib
import json
import os
import pwd
import stat
import struct
import sys
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

CHUNK = 1 << 20
SYNC_EVERY = 1 << 26
HEAD = struct.Struct(">QI")
AT = ".stackmend-at"
BASE = "_base"
DEEPEST = 8
OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


def say(**words: object) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def user_name(number: int) -> str:
    """Return a user's name; empty where there is none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return ""


def group_name(number: int) -> str:
    """Return a group's name; empty where there is none."""
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return ""


def described(top: str, path: str) -> dict[str, object]:
    """Return what is said of a file or directory; ``nova`` tells that it belongs to the owner of ``top``."""
    seen, root = os.lstat(os.path.join(top, path)), os.stat(top)
    kind = {stat.S_IFREG: "file", stat.S_IFDIR: "directory"}.get(stat.S_IFMT(seen.st_mode), "other")
    return {
        "path": path,
        "kind": kind,
        "size": seen.st_size if kind == "file" else 0,
        "data": min(seen.st_blocks * 512, seen.st_size) if kind == "file" else 0,
        "mode": stat.S_IMODE(seen.st_mode),
        "user": "" if seen.st_uid == root.st_uid else user_name(seen.st_uid),
        "group": "" if seen.st_gid == root.st_gid else group_name(seen.st_gid),
        "uid": seen.st_uid,
        "gid": seen.st_gid,
        "nova": [seen.st_uid == root.st_uid, seen.st_gid == root.st_gid],
        "mtime": seen.st_mtime_ns,
        "seal": seal(seen),
    }


def seal(seen: os.stat_result) -> str:
    """Return what a write to a file changes."""
    return f"{seen.st_ino} {seen.st_size} {seen.st_mtime_ns} {seen.st_ctime_ns}"


def walk(top: str, path: str) -> Iterator[str]:
    """Yield a path below ``top`` and all below it; symbolic links are not followed."""
    yield path
    full = os.path.join(top, path)
    if stat.S_ISDIR(os.lstat(full).st_mode):
        for name in sorted(os.listdir(full)):
            yield from walk(top, os.path.join(path, name))


def formats(top: str, name: str) -> dict[str, str]:
    """Return the formats that nova recorded for an instance's disks, by their names."""
    try:
        with open(os.path.join(top, name, "disk.info"), encoding="utf-8") as file:
            recorded = json.load(file)
    except (OSError, ValueError):
        return {}
    return {os.path.basename(path): form for path, form in recorded.items()} if isinstance(recorded, dict) else {}


def backing(path: str) -> tuple[str, str]:
    """Return the file that a qcow2 file rests on, and the format of that; empty where there is none.

    The header is QEMU's; a guest can't write to it in a qcow2 file. Never ask of a file that nova recorded as raw.
    """
    with open(path, "rb") as file:
        head = file.read(CHUNK)
    if head[:4] != b"QFI\xfb":
        return "", ""
    version, offset, size = struct.unpack(">IQI", head[4:20])
    at = struct.unpack(">I", head[100:104])[0] if version >= 3 else 72  # noqa: PLR2004 - qcow2's specification
    form = ""
    while at + 8 <= len(head):
        kind, length = struct.unpack(">II", head[at : at + 8])
        if kind == 0:
            break
        if kind == 0xE2792ACA:  # noqa: PLR2004 - "backing file format name"
            form = head[at + 8 : at + 8 + length].decode()
        at += 8 + (length + 7) // 8 * 8
    return (head[offset : offset + size].decode(), form) if offset else ("", "")


def chain(top: str, path: str) -> list[str]:
    """Return the files that a disk rests on, nearest first, as their overlays name them."""
    beneath: list[str] = []
    file = os.path.join(top, path)
    while len(beneath) < DEEPEST:
        name, form = backing(file)
        if not name:
            break
        beneath.append(name)
        file = os.path.join(top, BASE, os.path.basename(name))
        if form == "raw" or not os.path.isfile(file):
            break
    return beneath


def tree(top: str, *names: str) -> None:
    """Say what lies in directories, and in ``_base`` what their disks rest on."""
    beneath: set[str] = set()
    for name in names:
        if not os.path.isdir(os.path.join(top, name)):
            continue
        known = formats(top, name)
        for path in walk(top, name):
            words = described(top, path)
            disk = os.path.basename(path)
            if words["kind"] == "file" and disk.startswith("disk") and known.get(disk, "") != "raw":
                words["chain"] = chain(top, path)
                beneath.update(os.path.basename(one) for one in chain(top, path))
            say(**words)
    for name in sorted(beneath):
        if os.path.isfile(os.path.join(top, BASE, name)):
            say(**described(top, f"{BASE}/{name}"))
    say(end=True)


def extents(file: int, at: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield where there is data, from an offset on."""
    while at < size:
        try:
            begin = os.lseek(file, at, os.SEEK_DATA)
        except OSError:  # ENXIO: there is nothing but a hole
            return
        at = os.lseek(file, begin, os.SEEK_HOLE)
        yield begin, at


def send(top: str, path: str, offset: str) -> None:
    """Send a file's data from an offset on."""
    out = sys.stdout.buffer
    file = os.open(os.path.join(top, path), OPEN_FLAGS)
    size = os.fstat(file).st_size
    for begin, end in extents(file, int(offset), size):
        at = begin
        while at < end:
            piece = os.pread(file, min(CHUNK, end - at), at)
            if not piece:
                raise OSError(f"{path} became shorter while it was read")
            out.write(HEAD.pack(at, len(piece)) + piece)
            at += len(piece)
    out.write(HEAD.pack(size, 0))
    out.flush()


def whole(stream: BinaryIO, size: int) -> bytes:
    """Read so many bytes; fewer where the stream ended."""
    piece = stream.read(size)
    return piece if len(piece) == size else b""


def receive(top: str, path: str) -> None:
    """Write a file's data as it comes; exit with 1 where the stream ended too early."""
    full = os.path.join(top, path)
    os.makedirs(os.path.dirname(full), mode=0o700, exist_ok=True)
    file = os.open(full, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)  # who wrote before a kill may not have noticed it yet
    stream, unsynced, at = sys.stdin.buffer, 0, -1
    while head := whole(stream, HEAD.size):
        offset, length = HEAD.unpack(head)
        if not length:
            os.ftruncate(file, offset)
            keep(file, full, offset)
            say(end=True)
            return
        piece = whole(stream, length)
        if not piece:
            break
        os.pwrite(file, piece, offset)
        at, unsynced = offset + length, unsynced + length
        if unsynced >= SYNC_EVERY:
            keep(file, full, at)
            unsynced = 0
    if at >= 0:
        keep(file, full, at)
    sys.exit("the stream ended too early")


def keep(file: int, full: str, at: int) -> None:
    """Remember how far a file is on the disk, after it is."""
    os.fsync(file)
    with open(full + AT + ".new", "w", encoding="utf-8") as record:
        record.write(str(at))
        record.flush()
        os.fsync(record.fileno())
    os.replace(full + AT + ".new", full + AT)


def reached(top: str, path: str) -> None:
    """Say how far a file was received."""
    full = os.path.join(top, path)
    try:
        with open(full + AT, encoding="utf-8") as record:
            at = int(record.read())
    except (OSError, ValueError):
        at = 0
    size = os.path.getsize(full) if os.path.exists(full) else 0
    say(at=min(at, size), size=size, partial=os.path.exists(full + AT))


def checksum(top: str, path: str) -> None:
    """Say the SHA-256 of a file."""
    digest, done, said = hashlib.sha256(), 0, time.monotonic()
    with open(os.open(os.path.join(top, path), OPEN_FLAGS), "rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
            done += len(piece)
            if time.monotonic() - said > 1:
                said = time.monotonic()
                say(done=done)
    say(sha256=digest.hexdigest())


def finish(top: str, root: str) -> None:
    """Give what was copied its owners, modes and times, and see that all of it is on the disk."""
    nova = os.stat(root)
    entries = [json.loads(line) for line in sys.stdin]
    for entry in reversed(entries):  # what is in a directory first
        full = os.path.join(top, entry["path"])
        if entry["kind"] == "directory":
            os.makedirs(full, exist_ok=True)
        elif os.path.exists(full + AT):
            os.unlink(full + AT)
        uid = nova.st_uid if entry["nova"][0] else number(entry["user"], entry["uid"])
        gid = nova.st_gid if entry["nova"][1] else group_number(entry["group"], entry["gid"])
        os.chown(full, uid, gid, follow_symlinks=False)
        os.chmod(full, entry["mode"])
        if entry.get("times", True):
            os.utime(full, ns=(entry["mtime"], entry["mtime"]))
    os.sync()
    say(end=True)


def number(user: str, fallback: int) -> int:
    """Return a user's number here."""
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return fallback


def group_number(group: str, fallback: int) -> int:
    """Return a group's number here."""
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return fallback


def seals(top: str, *paths: str) -> None:
    """Say of each file what a write to it changes; nothing where it is not there."""
    for path in paths:
        full = os.path.join(top, path)
        say(path=path, seal=seal(os.lstat(full)) if os.path.lexists(full) else "")
    say(end=True)


def used(top: str, *uuids: str) -> None:
    """Say which processes use instances; TOP is followed to where it really is."""
    roots = {os.path.join(root, uuid): uuid for uuid in uuids for root in (top, os.path.realpath(top))}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for uuid, how in uses(pid, roots, uuids):
            say(instance=uuid, how=how)
    say(end=True)


def uses(pid: str, roots: dict[str, str], uuids: tuple[str, ...]) -> set[tuple[str, str]]:
    """Return the instances that a process uses, and how; none where it ended meanwhile."""
    found = set()
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().decode(errors="replace").split("\0")
        name = os.path.basename(words[0])
        if name.startswith(("qemu-system", "qemu-kvm", "kvm")):
            found = {(uuid, f"process {pid}, {name}") for uuid in uuids if any(uuid in word for word in words)}
        for number in os.listdir(f"/proc/{pid}/fd"):
            folder = os.path.dirname(os.readlink(f"/proc/{pid}/fd/{number}"))
            if folder in roots:
                found.add((roots[folder], f"process {pid}, {name}, has its files open"))
    except OSError:
        pass
    return found


VERBS: dict[str, Callable[..., None]] = {
    "used": used,
    "tree": tree,
    "send": send,
    "receive": receive,
    "at": reached,
    "sum": checksum,
    "finish": finish,
    "stat": seals,
}

if __name__ == "__main__":
    VERBS[sys.argv[1]](*sys.argv[2:])
