"""What a living node says of directories of instances: a copy that a salvage put there is no evidence, however new."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from stackmend.adapters.oslo_config import Options
from stackmend.facts.sight import listing_script, looking_script


def test_a_directory_that_a_salvage_marked_looks_as_old_as_can_be(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "disk").touch()
    (tmp_path / "two" / ".stackmend-salvage").write_text("r-1\n")
    script = looking_script(shlex.quote(str(tmp_path)), ["one", "two", "three"])
    lines = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()
    stamps = dict(line.split() for line in lines)
    assert list(stamps) == ["one", "two"]
    assert float(stamps["one"]) > 0
    assert float(stamps["two"]) == 0


def test_where_nova_keeps_disks_in_ceph_those_in_its_pool_are_named(tmp_path: Path) -> None:
    one, other = "047e163e-9caa-4fe3-97c7-95c52beedf81", "926a0a1b-bd73-454e-b976-bb093a4d430c"
    rbd = tmp_path / "rbd"
    rbd.write_text(
        f"#!/bin/sh\necho \"$*\" >&2\nprintf '%s\\n' {one}_disk {one}_disk.swap volume-{other} {other}_disk.eph0\n"
    )
    rbd.chmod(0o755)
    values = {
        ("libvirt", "images_type"): "rbd",
        ("libvirt", "images_rbd_pool"): "vms",
        ("libvirt", "rbd_user"): "nova",
        ("libvirt", "images_rbd_ceph_conf"): "/etc/ceph/ceph.conf",
    }
    done = subprocess.run(
        ["sh", "-c", listing_script(Options(values))],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )
    assert done.stdout.split() == ["in-ceph", one]
    assert done.stderr.split() == ["--id", "nova", "--conf", "/etc/ceph/ceph.conf", "ls", "vms"]


def test_where_nova_keeps_disks_in_files_ceph_is_not_asked() -> None:
    assert listing_script(Options({})) == ""
