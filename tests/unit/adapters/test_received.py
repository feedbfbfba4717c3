"""Files that a node sends: written whole, below the directory, or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from stackmend.adapters.received import Receiver, printable
from stackmend.domain.rescue import GuestFile
from stackmend.errors import Code, Failed

END = b'{"end": true}\n'


def line(**words: Any) -> bytes:
    return json.dumps(words).encode() + b"\n"


def sent(path: str, content: bytes, **other: Any) -> bytes:
    head = {"system": "disk.1", "path": path, "kind": "file", "size": len(content), **other}
    chunks = [content[n : n + 3] for n in range(0, len(content), 3)]
    body = b"".join(struct.pack(">I", len(chunk)) + chunk for chunk in chunks)
    return line(**head) + body + struct.pack(">I", 0) + line(sha256=hashlib.sha256(content).hexdigest())


def receive(stream: bytes, to: Path) -> tuple[list[GuestFile], list[str]]:
    receiver = Receiver(io.BytesIO(stream).read, to, lambda _: None)
    return receiver.receive(), receiver.left_out


def failure(stream: bytes, to: Path) -> Failed:
    with pytest.raises(Failed) as caught:
        receive(stream, to)
    return caught.value


def test_files_arrive_with_their_sums_for_their_owner_only(tmp_path: Path) -> None:
    folder = line(system="disk.1", path="/etc/empty", kind="directory", size=0)
    files, left = receive(sent("/etc/hosts", b"one\ntwo\n") + folder + sent("/nothing", b"") + END, tmp_path)
    assert (tmp_path / "disk.1/etc/hosts").read_bytes() == b"one\ntwo\n"
    assert (tmp_path / "disk.1/etc/empty").is_dir()
    assert (tmp_path / "disk.1/etc/hosts").stat().st_mode & 0o777 == 0o600
    assert (files[0].path, files[0].size) == ("/etc/hosts", 8)
    assert files[0].sha256 == hashlib.sha256(b"one\ntwo\n").hexdigest()
    assert left == []


def test_links_and_devices_are_left_out_and_named(tmp_path: Path) -> None:
    link = line(system="disk.1", path="/shadow", kind="link", size=1, target="/etc/shadow")
    files, left = receive(link + END, tmp_path)
    assert (files, left, list(tmp_path.iterdir())) == ([], ["disk.1:/shadow (link)"], [])


@pytest.mark.parametrize("path", ["/../../evil", "/a/../../evil", "..", "/a/\0b"])
def test_no_path_leaves_the_directory(path: str, tmp_path: Path) -> None:
    inner = tmp_path / "in"
    assert failure(sent(path, b"x") + END, inner).code is Code.COPY_DIFFERS
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_nothing_is_written_through_a_link_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "to/disk.1").mkdir(parents=True)
    (tmp_path / "to/disk.1/etc").symlink_to(tmp_path)
    assert failure(sent("/etc/x", b"x") + END, tmp_path / "to").code is Code.COPY_DIFFERS
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("cut", [1, 20, -80, -len(END), -1])
def test_a_stream_that_ends_early_is_not_taken_for_whole(cut: int, tmp_path: Path) -> None:
    assert failure((sent("/a", b"content") + END)[:cut], tmp_path).code is Code.COPY_DIFFERS


def test_a_file_that_differs_has_no_name(tmp_path: Path) -> None:
    stream = sent("/a", b"content").replace(b"tent", b"TENT").replace(b"ten", b"TEN")
    assert failure(stream.replace(b"con", b"CON") + END, tmp_path).code is Code.COPY_DIFFERS
    assert not (tmp_path / "disk.1/a").exists()


def test_what_the_node_says_is_wrong_is_said(tmp_path: Path) -> None:
    failed = failure(line(error="no such path \033[31m"), tmp_path)
    assert (failed.code, failed.sentence) == (Code.GUEST_PATH, "no such path \\x1b[31m")


def test_printable_keeps_letters_and_escapes_what_a_terminal_obeys() -> None:
    assert printable("Grüße\a\n\udcff") == "Grüße\\x07\\n\\udcff"
