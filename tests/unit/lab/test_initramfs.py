"""The archive that the guest's kernel unpacks, read back by the rules of its format."""

from __future__ import annotations

import gzip
import stat
from collections.abc import Iterator

from stackmend.lab import initramfs

HEADER = 110


def unpacked(data: bytes) -> Iterator[tuple[str, int, bytes]]:
    raw = gzip.decompress(data)
    at = 0
    while True:
        assert raw[at : at + 6] == b"070701"
        fields = [int(raw[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = raw[at + HEADER : at + HEADER + name_size - 1].decode()
        start = (at + HEADER + name_size + 3) // 4 * 4
        if name == "TRAILER!!!":
            return
        yield name, mode, raw[start : start + size]
        at = (start + size + 3) // 4 * 4


def test_every_kind_of_entry_comes_back() -> None:
    entries = [
        initramfs.directory("bin"),
        initramfs.file("bin/tool", b"#!/bin/sh\n", executable=True),
        initramfs.file("data", b"x" * 7),
        initramfs.link("bin/other", "tool"),
        initramfs.character_device("console", 5, 1),
    ]
    found = {name: (mode, data) for name, mode, data in unpacked(initramfs.archive(entries))}
    assert list(found) == ["bin", "bin/tool", "data", "bin/other", "console"]
    assert stat.S_ISDIR(found["bin"][0])
    assert found["bin/tool"] == (stat.S_IFREG | 0o755, b"#!/bin/sh\n")
    assert found["data"] == (stat.S_IFREG | 0o644, b"x" * 7)
    assert found["bin/other"] == (stat.S_IFLNK | 0o777, b"tool")
    assert stat.S_ISCHR(found["console"][0])


def test_the_same_entries_give_the_same_bytes() -> None:
    entries = [initramfs.directory("a"), initramfs.file("a/b", b"c")]
    assert initramfs.archive(entries) == initramfs.archive(entries)
