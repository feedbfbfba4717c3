"""The script that reads a directory of instances, run by this machine's own sh, find and qemu-img on real files."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from stackmend.domain.instance_files import Disk, Listing
from stackmend.facts.instance_listing import glance_script, listing_script, parse, parse_glance, shares

ONE, TWO = "76ab6384-44df-439e-8d71-18d9b525af2b", "ea314d85-9c84-438f-8810-df06a6ca43d1"
C = {**os.environ, "LC_ALL": "C"}


def shown(script: str) -> str:
    return subprocess.run(["sh", "-c", script], env=C, check=True, capture_output=True, text=True, timeout=60).stdout


def read(place: Path) -> Listing:
    return parse(str(place), shown(listing_script(str(place))))[1]


def overlay(path: Path, base: Path | str, *more: str) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-u", "-b", str(base), str(path), "1M"]
    subprocess.run([*command, *more], check=True)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory of instances whose name the shell would take apart, with one sound instance in it."""
    place = tmp_path / "it's an $(echo odd) place"
    (place / "_base").mkdir(parents=True)
    (place / "_base" / "abc").write_bytes(b"\0" * 1024 * 1024)
    overlay(place / ONE / "disk", place / "_base" / "abc")
    return place


def disk_of(listing: Listing, instance: str) -> Disk:
    return next(d for d in listing.disks if d.path == f"{instance}/disk")


def test_sizes_chains_and_dates(place: Path) -> None:
    (place / "compute_nodes").write_text(json.dumps({"c01": 1763963000.5}))
    overlay(place / ".stackmend-trash" / "r-1" / TWO / "disk", "../../../_base/abc")
    (place / ".stackmend-trash" / "r-1" / "until").write_text("2026-12-01T10:00:00+00:00\n")
    listing = read(place)
    assert [e.name for e in listing.entries] == [".stackmend-trash/r-1", ONE, "_base/abc", "compute_nodes"]
    assert disk_of(listing, ONE) == Disk(f"{ONE}/disk", ("_base/abc",), "qcow2")
    assert disk_of(listing, f".stackmend-trash/r-1/{TWO}").chain == ("_base/abc",)
    base = listing.entry("_base/abc")
    assert base is not None
    assert (base.type, base.apparent, base.inode) == ("f", 2**20, (place / "_base" / "abc").stat().st_ino)
    assert {str(n): f"{t:%H:%M:%S.%f}" for n, t in (listing.registered or {}).items()} == {"c01": "05:43:20.500000"}
    assert f"{listing.until['r-1']:%d %H:%M %Z}" == "01 10:00 UTC"
    assert listing.complaints == ()


def test_broken_chains_and_headers(place: Path) -> None:
    overlay(place / TWO / "disk", place / "_base" / "gone")
    disk = place / ONE / "disk"
    (place / ONE / "disk.info").write_text(json.dumps({f"/else/where/{ONE}/disk": "qcow2"}))
    disk.write_bytes(b"\0" * 512 + disk.read_bytes()[512:])
    listing = read(place)
    assert disk_of(listing, TWO).chain == ("_base/gone",)
    assert "No such file" in disk_of(listing, TWO).fault
    assert "no header of qcow2" in disk_of(listing, ONE).fault
    disk.write_bytes(b"QFI\xfb\0\0\0\3" + b"\xff" * 504)
    assert "cannot be opened" in disk_of(read(place), ONE).fault


def test_a_raw_disk_is_not_probed(place: Path) -> None:
    (place / ONE / "disk.info").write_text(json.dumps({f"{place}/{ONE}/disk": "raw"}))
    assert disk_of(read(place), ONE) == Disk(f"{ONE}/disk", (), "raw", "raw")


def test_links_are_followed_and_names_may_be_strange(place: Path, tmp_path: Path) -> None:
    overlay(tmp_path / "far" / "disk", place / "_base" / "abc")
    (place / TWO).symlink_to(tmp_path / "far")
    (place / "dangling").symlink_to(tmp_path / "nowhere")
    overlay(place / "a\n'b' \"c\" $d" / "disk x", place / "_base" / "abc")
    listing = read(place)
    linked = listing.entry(TWO)
    assert linked is not None
    assert linked.type == "l"
    assert linked.apparent > 100_000
    assert disk_of(listing, TWO).chain == ("_base/abc",)
    assert any(d.path == "a\n'b' \"c\" $d/disk x" and d.chain == ("_base/abc",) for d in listing.disks)
    assert listing.complaints == ()


def test_what_cannot_be_read_is_said(place: Path) -> None:
    without = {**C, "PATH": str(place.parent / "bin")}
    (place.parent / "bin").mkdir()
    for tool in ("mktemp", "rm", "tr", "stat", "find", "xargs", "grep", "cat"):
        (place.parent / "bin" / tool).symlink_to(f"/usr/bin/{tool}")
    script = listing_script(str(place))
    output = subprocess.run(["/bin/sh", "-c", script], env=without, check=True, capture_output=True, text=True).stdout
    assert parse(str(place), output)[1].complaints == ("qemu-img is not installed",)


def test_only_the_same_directory_is_shared(place: Path, tmp_path: Path) -> None:
    own = parse_glance(shown(glance_script(str(place))))
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-a", place, copy], check=True)
    (tmp_path / "link").symlink_to(place)
    assert shares(own, parse_glance(shown(glance_script(str(tmp_path / "link")))))
    assert not shares(own, parse_glance(shown(glance_script(str(copy)))))
    (place / "new").touch()
    assert shares(own, parse_glance(shown(glance_script(str(place)))))
