"""The evidence for shared instance directories, as stat(1) shows it."""

from __future__ import annotations

from stackmend.facts.storage import parse

HERE = """\
aaa directory 100 1795366713.2026-11-22 17:01:53.123456789 +0000
aaa disk 101
aaa disk.info 102
bbb directory 200 1795366713.2026-11-22 17:01:53.000000000 +0000
bbb disk.info 201
"""


def test_the_same_directory_is_equal() -> None:
    assert parse(HERE) == parse(HERE)


def test_another_inode_or_another_change_is_another_directory() -> None:
    for there in (HERE.replace("disk 101", "disk 111"), HERE.replace(".123456789", ".123456780")):
        assert parse(there)["aaa"] != parse(HERE)["aaa"]  # type: ignore[index]
        assert parse(there)["bbb"] == parse(HERE)["bbb"]  # type: ignore[index]


def test_disk_info_is_no_disk() -> None:
    assert [seen.has_disks for seen in parse(HERE).values()] == [True, False]
