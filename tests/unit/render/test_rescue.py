"""What a guest wrote is shown without doing anything to the terminal."""

from __future__ import annotations

from pathlib import Path

from stackmend.render.rescue import SHOWN, contents, listing

ENTRY = {"system": "disk.1", "path": "/etc", "mode": "drwxr-xr-x", "uid": "0", "gid": "0", "size": "4096", "mtime": "0"}


def shown(tmp_path: Path, content: bytes, size: int | None = None) -> list[str]:
    (tmp_path / "disk.1").mkdir()
    (tmp_path / "disk.1/a").write_bytes(content)
    file = {"system": "disk.1", "path": "/a", "size": len(content) if size is None else size, "sha256": "5f"}
    return list(contents(tmp_path, file))


def test_text_is_shown_and_what_a_terminal_obeys_is_escaped(tmp_path: Path) -> None:
    assert shown(tmp_path, b"one\ttwo\n\x1b[31mred\xff")[1:] == ["one\ttwo", "\\x1b[31mred\\xff"]


def test_a_long_file_says_that_there_is_more(tmp_path: Path) -> None:
    lines = shown(tmp_path, b"x" * (SHOWN + 1))
    assert len(lines[1]) == SHOWN
    assert "--copy /a" in lines[2]


def test_a_listing_names_the_file_system_and_where_a_link_points() -> None:
    link = {**ENTRY, "path": "/shadow", "mode": "lrwxrwxrwx", "target": "/etc/shadow"}
    lines = list(listing({"entries": [ENTRY, link]}))
    assert lines[0].startswith("drwxr-xr-x")
    assert lines[0].endswith("1970-01-01 00:00:00 disk.1:/etc")
    assert lines[1].endswith("disk.1:/shadow -> /etc/shadow")
