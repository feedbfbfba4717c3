"""How many of an instance there are, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stackmend.lab import beat


def machines(instance: str) -> int:
    """Return how many QEMU processes of an instance there are on all nodes, by this machine's own kernel."""
    lines = (p / "cmdline" for p in Path("/proc").iterdir() if p.name.isdigit())
    return sum(instance.encode() in line.read_bytes().split(b"\0") for line in lines if line.exists())


def beats(on_node: Callable[[str, str], str], node: str, instance: str) -> list[beat.Beat]:
    """Return the heartbeats in an instance's console on a node."""
    return beat.parse_all(on_node(node, f"cat /var/lib/nova/instances/{instance}/console.log").splitlines())
