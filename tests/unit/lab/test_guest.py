"""What the guest is made of: its modules' order, its disk, and refusals where a package is missing."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from stackmend.errors import Code, Failed
from stackmend.lab import guest


def module(*needed: str) -> bytes:
    return b"\x7fELF..\0license=GPL\0depends=" + ",".join(needed).encode() + b"\0intree=Y\0"


def test_modules_come_after_what_they_depend_on() -> None:
    modules = {"virtio_net": module("net_failover"), "net_failover": module("failover"), "failover": module()}
    assert [name for name, _ in guest.load_order(modules, ["virtio_net"])] == ["failover", "net_failover", "virtio_net"]


def test_a_module_that_two_need_is_loaded_once_and_a_built_in_one_never() -> None:
    modules = {"a": module("shared", "built_in"), "b": module("shared"), "shared": module()}
    assert [name for name, _ in guest.load_order(modules, ["a", "b", "other_built_in"])] == ["shared", "a", "b"]


def test_the_disk_has_one_linux_partition_from_its_first_mebibyte_to_its_end() -> None:
    sector = guest.partition_table(65536)
    assert len(sector) == 512
    assert sector[-2:] == b"\x55\xaa"
    kind = sector[446 + 4]
    first, count = struct.unpack_from("<II", sector, 446 + 8)
    assert (kind, first, count) == (0x83, 2048, 65536 - 2048)
    assert sector[462:510] == bytes(48)


def test_a_root_without_a_kernel_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Failed) as caught:
        guest.build(tmp_path / "root", tmp_path / "out")
    assert caught.value.code is Code.LAB_BUILD_FAILED
    assert "linux-image-" in caught.value.sentence
