"""What an entry of a directory of instances is, by its name."""

from __future__ import annotations

import re

from stackmend.domain.instance_files import BASE, SALVAGE, TRASH, Kind
from stackmend.domain.values import InstanceId

_UUID = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(|_resize|_del)")
_KINDS = {"": Kind.INSTANCE, "_resize": Kind.RESIZE, "_del": Kind.DELETING}
_NOVAS = frozenset({"compute_nodes", "locks", "snapshots"})


def kind_of(name: str) -> Kind:
    """Return what an entry is, such as an instance's directory or what a resize keeps of one."""
    match = _UUID.fullmatch(name)
    if match:
        return _KINDS[match[2]]
    if name.startswith(f"{BASE}/"):
        return Kind.BASE
    if name.startswith(f"{TRASH}/"):
        return Kind.TRASH
    if name.startswith(f"{SALVAGE}/"):
        return Kind.SALVAGE
    return Kind.NOVA if name in _NOVAS else Kind.OTHER


def instance_of(name: str) -> InstanceId | None:
    """Return the instance that an entry belongs to by its name; None for none."""
    match = _UUID.fullmatch(name)
    return InstanceId(match[1]) if match else None


def entry_of(path: str) -> str:
    """Return the name of the entry that a file belongs to, such as ``UUID`` for ``UUID/disk``."""
    parts = path.split("/")
    return "/".join(parts[: 2 if parts[0] in {BASE, TRASH, SALVAGE} else 1])
