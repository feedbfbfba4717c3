"""What was read of an instance's disks, for a person: listings and the text of files, without what terminals obey."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stackmend.domain.run import Run

SHOWN = 1 << 20
"""Bytes of a file that are shown at most."""


def show_read(run: Run) -> None:
    """Write the listings and the texts that a rescue read, to standard output; texts are removed from this machine."""
    for step in run.plan.steps:
        receipt = run.steps[step.id].receipt or {}
        if step.action == "rescue.list":
            print("\n".join(listing(receipt)))
        if step.id == "rescue.read":
            scratch = Path(str(step.params["to"]))
            for file in _dicts(receipt, "files"):
                print("\n".join(contents(scratch, file)))
            shutil.rmtree(scratch, ignore_errors=True)


def listing(receipt: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each entry that was listed."""
    for entry in _dicts(receipt, "entries"):
        when = datetime.fromtimestamp(int(entry["mtime"]), UTC).strftime("%Y-%m-%d %H:%M:%S")
        target = f" -> {entry['target']}" if "target" in entry else ""
        owner = f"{entry['uid']}:{entry['gid']}"
        yield f"{entry['mode']} {owner:>11} {entry['size']:>12} {when} {entry['system']}:{entry['path']}{target}"


def contents(scratch: Path, file: Mapping[str, Any]) -> Iterator[str]:
    """Yield a heading and the text of a file, what is no text escaped."""
    yield f"==== {file['system']}:{file['path']}, {file['size']} bytes, SHA-256 {file['sha256']}"
    path = scratch / str(file["system"]) / str(file["path"]).lstrip("/")
    if not path.is_file():
        yield "(not here any more)"
        return
    with path.open("rb") as opened:
        text = opened.read(SHOWN).decode("utf-8", "backslashreplace")
    yield from (
        "".join(c if c.isprintable() or c == "\t" else ascii(c)[1:-1] for c in line) for line in text.split("\n")
    )
    if int(file["size"]) > SHOWN:
        yield f"(the rest is not shown; --copy {file['path']} --to DIR gets it whole)"


def _dicts(receipt: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    return list(receipt.get(key) or ())
