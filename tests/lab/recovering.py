"""How a node that was recovered is taken back, and what its instances must have written before."""

from __future__ import annotations

from collections.abc import Callable

from fleet import Ended, Fleet

Command = Callable[..., Ended]
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
