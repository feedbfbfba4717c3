"""The lab's storage before anything runs: keys that Ceph takes, disks that nova is asked for."""

from __future__ import annotations

import base64
import os
import struct
from pathlib import Path

import pytest

from stackmend.lab import storage
from stackmend.lab.credentials import NAMES
from stackmend.lab.instances import Kind, disks
from stackmend.lab.layers import Layer
from stackmend.lab.settings import Settings

PASSWORDS = {name: f"{number:032x}" for number, name in enumerate(NAMES, 1)}


def test_a_compute_node_gets_one_key_for_ceph_and_for_libvirt(tmp_path: Path) -> None:
    base = tmp_path / "base"
    (base / "etc").mkdir(parents=True)
    (base / "etc/passwd").write_text(f"root:x:{os.getuid()}:0::/:/bin/sh\n")
    (base / "etc/group").write_text(f"root:x:{os.getgid()}:\n")
    (tmp_path / "upper").mkdir()
    storage.write_client(Layer(tmp_path / "upper", base), Settings(), PASSWORDS)
    secret = tmp_path / f"upper/etc/libvirt/secrets/{storage.SECRET}.base64"
    keyring = tmp_path / "upper/etc/ceph/ceph.client.cinder.keyring"
    assert f"key = {secret.read_text()}\n" in keyring.read_text()
    kind, _, _, length = struct.unpack("<HIIH", base64.b64decode(secret.read_text())[:12])
    assert (kind, length) == (1, 16)
    assert base64.b64decode(secret.read_text())[12:] == bytes.fromhex(PASSWORDS["ceph_client_cinder"])
    assert {file.stat().st_mode & 0o777 for file in (secret, keyring)} == {0o600}


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (Kind(), [("image", "local")]),
        (Kind(from_volume=True), [("image", "volume")]),
        (Kind(volume=True), [("image", "local"), ("blank", "volume")]),
        (Kind(from_volume=True, volume=True), [("image", "volume"), ("blank", "volume")]),
    ],
)
def test_what_nova_is_asked_for(kind: Kind, wanted: list[tuple[str, str]]) -> None:
    found = disks("an-image", kind)
    assert [(one["source_type"], one["destination_type"]) for one in found] == wanted
    assert [one["boot_index"] for one in found] == [0, -1][: len(found)]
    assert all(one["delete_on_termination"] for one in found)
