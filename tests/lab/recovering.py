"""What tests of recoveries ask this machine and the consoles, and how a node that was recovered is taken back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fleet import Ended, Fleet

from stackmend.lab import beat

Command = Callable[..., Ended]
Script = Callable[[str, str], str]
BEATS = 8
"""Beats, one a second, after which something in an instance's directory is newer than its launch by any clock."""


def readmitted(stackmend: Command, fleet: Fleet, node: str) -> None:
    ended = stackmend("node", "readmit", node, "--no-canary", "--yes")
    assert ended.status == 0, ended.out + ended.err
    service = fleet.service(node)
    assert (service["status"], service["state"], service["forced_down"]) == ("enabled", "up", False)
    assert service["disabled_reason"] is None
    again = stackmend("node", "readmit", node, "--yes")
    assert again.status == 3
    assert "nothing-to-return" in again.err


def machines(instance: str) -> int:
    """Return how many QEMU processes of an instance there are on all nodes, by this machine's own kernel."""
    lines = (p / "cmdline" for p in Path("/proc").iterdir() if p.name.isdigit())
    return sum(instance.encode() in line.read_bytes().split(b"\0") for line in lines if line.exists())


def beats(on_node: Script, node: str, instance: str) -> list[beat.Beat]:
    """Return the heartbeats in an instance's console on a node."""
    return beat.parse_all(on_node(node, f"cat /var/lib/nova/instances/{instance}/console.log").splitlines())
