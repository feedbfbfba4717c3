"""The program that nodes run to copy files: what it says of disks, and that a copy cut off goes on where it was."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import stackmend.facts

PROGRAM = Path(stackmend.facts.__file__).parent / "files" / "salvage_files.py"
CHUNK = 1 << 20
SYNC = 1 << 26


def run(*words: str, given: bytes = b"", status: int = 0) -> bytes:
    line = [sys.executable, "-I", "-B", str(PROGRAM), *words]
    done = subprocess.run(line, input=given, capture_output=True, check=False, timeout=60)
    assert done.returncode == status, done.stderr.decode()
    return done.stdout


def said(*words: str, given: bytes = b"") -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(*words, given=given).splitlines()]


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A directory of instances with one overlay on one base file, as QEMU itself makes them."""
    (tmp_path / "_base").mkdir()
    (tmp_path / "one").mkdir()
    base, disk = tmp_path / "_base" / "abc", tmp_path / "one" / "disk"
    base.write_bytes(b"b" * CHUNK)
    make = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", "raw", str(disk), "64M"]
    subprocess.run(make, check=True)
    return tmp_path


def test_a_tree_names_what_disks_rest_on(top: Path) -> None:
    lines = said("tree", str(top), "one", "missing")
    assert [line.get("path") for line in lines] == ["one", "one/disk", "_base/abc", None]
    assert lines[1]["chain"] == [str(top / "_base" / "abc")]


def test_a_disk_that_nova_recorded_as_raw_names_nothing_whatever_its_owner_wrote_there(top: Path) -> None:
    (top / "one" / "disk.info").write_text(json.dumps({"/var/lib/nova/instances/one/disk": "raw"}))
    disk = next(line for line in said("tree", str(top), "one") if line.get("path") == "one/disk")
    assert "chain" not in disk


def test_a_copy_cut_off_goes_on_where_it_was_and_keeps_holes(top: Path, tmp_path: Path) -> None:
    source, to = top / "one" / "big", tmp_path / "to"
    to.mkdir()
    with source.open("wb") as file:
        file.write(b"x" * (SYNC + CHUNK))
        file.seek(8 * SYNC)
        file.write(b"end")
        file.truncate(9 * SYNC)
    frames = run("send", str(top), "one/big", "0")
    assert len(frames) < 2 * SYNC
    run("receive", str(to), "one/big", given=frames[: SYNC + CHUNK // 2], status=1)
    (reached,) = said("at", str(to), "one/big")
    assert reached["partial"]
    assert 0 < reached["at"] <= SYNC
    rest = run("send", str(top), "one/big", str(reached["at"]))
    assert len(rest) < len(frames) / 2
    run("receive", str(to), "one/big", given=rest)
    (last,) = said("at", str(to), "one/big")
    assert last["at"] == last["size"] == 9 * SYNC
    sums = [said("sum", str(place), "one/big")[-1]["sha256"] for place in (top, to)]
    assert sums[0] == sums[1] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert (to / "one" / "big").stat().st_blocks * 512 < 2 * SYNC


def test_a_file_that_is_open_below_an_instances_directory_is_used(tmp_path: Path) -> None:
    name = str(uuid4())
    (tmp_path / name).mkdir()
    (tmp_path / name / "disk").touch()
    with (tmp_path / name / "disk").open("rb"):
        (found, _) = said("used", str(tmp_path), name)
    assert (found["instance"], "has its files open" in found["how"]) == (name, True)
    assert said("used", str(tmp_path), name) == [{"end": True}]


def test_finished_files_have_their_modes_and_times(top: Path, tmp_path: Path) -> None:
    to = tmp_path / "to"
    run("receive", str(tmp_path), "to/one/disk", given=run("send", str(top), "one/disk", "0"))
    (top / "one" / "disk").chmod(0o640)
    entries = [line for line in said("tree", str(top), "one") if "path" in line and "_base" not in line["path"]]
    run("finish", str(to), str(top), given="\n".join(map(json.dumps, entries)).encode())
    was, now = (top / "one" / "disk").stat(), (to / "one" / "disk").stat()
    assert (now.st_mode, now.st_mtime_ns, now.st_uid) == (was.st_mode, was.st_mtime_ns, was.st_uid)
    assert not list(to.rglob("*.stackmend-at"))
