"""Reading a directory of instances in one pass: the script that a node runs, and what its output means.

Disks are read by qemu-img, which belongs to the hypervisor there, under the limits that nova itself sets it: a disk's
header is written by its owner. A disk that nova recorded as raw is not probed for another format.
"""

from __future__ import annotations

import json
import posixpath
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from stackmend.domain.instance_files import BASE, SALVAGE, TRASH, Disk, Entry, Listing
from stackmend.domain.values import NodeName
from stackmend.rules.instance_names import entry_of, instance_of

SECONDS = 600
"""How long reading a directory of thousands of instances may take."""
UNTIL = "until"
"""Name of the file with the end date of a run in the trash."""

_MARK = "==== "
_BLOCK = 512
_NO_DISKS = (
    f"./{BASE}/*",
    "./locks/*",
    f"./{TRASH}/*/{UNTIL}",
    "*/disk.info",
    "*/disk.config*",
    "*/console.log*",
    "*/libvirt.xml",
    "*/kernel",
    "*/ramdisk",
)
"""What cannot rest on a file of ``_base``; whatever else is below the directory is taken for a disk."""
_GLANCE = r"""
cd -- {path} || exit
stat -Lc '%i %Z.%z' . | tr '\n' '\0'
find . -mindepth 1 -maxdepth 1 -ignore_readdir_race -printf '%i %f\0'
"""
_LOOK = r"""
cd -- {path} || exit
t=$(mktemp -d) || exit
trap 'rm -rf "$t"' EXIT
for entry in *; do
  [ ! -L "$entry" ] || [ ! -d "$entry" ] || set -- "$@" "./$entry/"
done
pwd -P | tr '\n' '\0'
stat -Lc '%i %Z.%z' . | tr '\n' '\0'
find . "$@" -mindepth 1 -ignore_readdir_race \( \
  -type f -size -64k \( -path ./compute_nodes -o -path './*/disk.info' -o -path './{trash}/*/{until}' \) \
    -fprint0 "$t/texts" , \
  \( -type f -o -type l \) -path './*/*' {others} -fprint0 "$t/disks" , \
  -printf '%y %i %T@ %s %b %p\0' \) 2>"$t/complaints"
printf '{mark}texts\0'
xargs -0 -r grep -aszHZ '' <"$t/texts"
printf '{mark}disks\0'
if command -v qemu-img >/dev/null; then
  xargs -0 -r -n 32 -P "$(nproc)" sh -c '
    ulimit -v 1048576
    ulimit -t 30
    said=$(mktemp "$0/chain.XXXXXX")
    for disk; do
      info=""; raw=""
      [ ! -r "${{disk%/*}}/disk.info" ] || read -r info <"${{disk%/*}}/disk.info"
      case $info in *"/${{disk##*/}}\": \"raw\""*) raw="-f raw" ;; esac
      printf "%s\0" "$disk"
      timeout 20 qemu-img info -U --output=json $raw --backing-chain "$disk" 2>"$said.error" ||
        timeout 20 qemu-img info -U --output=json $raw "$disk" 2>/dev/null
      printf "\0"
      cat "$said.error"
      printf "\0"
    done >"$said"' "$t" <"$t/disks"
  cat "$t"/chain.?????? 2>/dev/null
else
  echo "qemu-img is not installed" >>"$t/complaints"
fi
printf '{mark}complaints\0'
cat "$t/complaints"
"""


@dataclass(frozen=True)
class Glance:
    """What tells one directory from another: its own inode and time of change, and the inodes of its entries."""

    root: str
    inodes: Mapping[str, int] = field(default_factory=dict)


def glance_script(path: str) -> str:
    """Return the script that tells whether a node sees the same directory."""
    return _GLANCE.format(path=shlex.quote(path))


def listing_script(path: str) -> str:
    """Return the script that reads a directory of instances."""
    others = " ".join(f"! -path {shlex.quote(pattern)}" for pattern in _NO_DISKS)
    return _LOOK.format(path=shlex.quote(path), trash=TRASH, until=UNTIL, mark=_MARK, others=others)


def parse_glance(output: str) -> Glance:
    """Return what ``glance_script`` showed."""
    root, *entries = output.split("\0")[:-1]
    return Glance(root, {name: int(inode) for inode, _, name in (entry.partition(" ") for entry in entries)})


def shares(one: Glance, other: Glance) -> bool:
    """Return whether two nodes see one directory.

    They do where an instance's directory has the same inode number on both; where they have none, where the directory
    itself has the same number and was changed in the same nanosecond. (A client of NFS may be late with the latter.)
    """
    return one.root == other.root or any(
        inode == other.inodes.get(name) for name, inode in one.inodes.items() if instance_of(name)
    )


def parse(path: str, output: str) -> tuple[Glance, Listing]:
    """Return what ``listing_script`` showed of a directory."""
    real, root, *records = output.split("\0")
    files, texts, disks, complaints = _sections(records)
    found = [_file(record) for record in files]
    text = {name.removeprefix("./"): content for name, content in zip(texts[::2], texts[1::2], strict=False)}
    listing = Listing(
        path=path,
        entries=tuple(_entries(found)),
        disks=tuple(sorted(_disks((path, real), disks, text), key=lambda d: d.path)),
        files=frozenset(file.name for _, file in found),
        registered=_registered(text["compute_nodes"]) if "compute_nodes" in text else None,
        until={name.split("/")[1]: date(content) for name, content in text.items() if name.endswith(f"/{UNTIL}")},
        complaints=tuple(line for record in complaints for line in record.splitlines()),
    )
    return Glance(root, {e.name: e.inode for e in listing.entries}), listing


def _sections(records: Sequence[str]) -> list[list[str]]:
    """Return the records between the marks; a file cannot imitate one, as its name begins with ``./``."""
    sections: list[list[str]] = [[]]
    for record in records:
        if record.startswith(_MARK):
            sections.append([])
        else:
            sections[-1].append(record)
    return sections


def _file(record: str) -> tuple[str, Entry]:
    """Return the name of the entry that a file belongs to, and the file."""
    kind, inode, changed, size, blocks, path = record.split(" ", 5)
    name = path.removeprefix("./")
    changed_at = datetime.fromtimestamp(float(changed), UTC)
    apparent = int(size) if kind == "f" else 0
    return entry_of(name), Entry(name, kind, int(inode), changed_at, apparent, int(blocks) * _BLOCK)


def _entries(found: Sequence[tuple[str, Entry]]) -> Iterator[Entry]:
    """Yield each entry with all that is below it added up, sorted by name."""
    below: dict[str, list[Entry]] = defaultdict(list)
    for name, file in found:
        below[name].append(file)
    for name in sorted(below.keys() - {BASE, TRASH, SALVAGE}):
        own = next((file for file in below[name] if file.name == name), None)
        if own is None:  # it went away meanwhile
            continue
        contents = [file.changed for file in below[name] if file.type == "f"]
        yield Entry(
            name=name,
            type=own.type,
            inode=own.inode,
            changed=max(contents, default=own.changed),
            apparent=sum(file.apparent for file in below[name]),
            allocated=sum(file.allocated for file in below[name]),
        )


def _disks(roots: Sequence[str], records: Sequence[str], texts: Mapping[str, str]) -> Iterator[Disk]:
    for path, info, error in zip(records[::3], records[1::3], records[2::3], strict=False):
        name = path.removeprefix("./")
        yield _disk(roots, name, info, error, _expected(name, texts))


def _expected(disk: str, texts: Mapping[str, str]) -> str:
    """Return the format that nova recorded for a disk."""
    folder, _, name = disk.rpartition("/")
    recorded = _json(texts.get(f"{folder}/disk.info", ""))
    formats = recorded if isinstance(recorded, dict) else {}
    return next((str(form) for path, form in formats.items() if posixpath.basename(path) == name), "")


def _disk(roots: Sequence[str], name: str, info: str, error: str, expected: str) -> Disk:
    parsed = _json(info)
    links: list[dict[str, Any]] = parsed if isinstance(parsed, list) else [parsed] if isinstance(parsed, dict) else []
    beneath = (link.get("full-backing-filename") for link in links)
    own = links[0] if links else {}
    said = error.strip().splitlines()
    corrupt = own.get("format-specific", {}).get("data", {}).get("corrupt")
    return Disk(
        path=name,
        chain=tuple(_relative(roots, file) for file in beneath if file),
        format=own.get("format", ""),
        expected=expected,
        error=said[-1].removeprefix("qemu-img: ") if said else "QEMU marked it as corrupt" if corrupt else "",
    )


def _relative(roots: Sequence[str], path: str) -> str:
    """Return a path relative to the directory of instances, where it is in it by its given or its real name."""
    if ":" in path.partition("/")[0]:  # a protocol's, no file
        return path
    whole = posixpath.normpath(posixpath.join(roots[0], path))
    return next((whole.removeprefix(f"{root}/") for root in roots if whole.startswith(f"{root}/")), whole)


def _registered(text: str) -> Mapping[NodeName, datetime] | None:
    found = _json(text)
    if not isinstance(found, dict):
        return None
    stamps = {name: stamp for name, stamp in found.items() if isinstance(stamp, int | float)}
    return {NodeName(name): datetime.fromtimestamp(stamp, UTC) for name, stamp in stamps.items()}


def date(text: str) -> datetime | None:
    """Return the end date that a file in the trash holds; None where it holds none."""
    try:
        stamp = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return stamp if stamp.tzinfo else None


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
