"""Three instances on c01 and a drain in a process of its own, for tests of what happens in the middle of one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from fleet import STACKMEND, Fleet

NODES = ("c01", "c02", "c03")


@contextmanager
def drain(env: Mapping[str, str], *options: str) -> Iterator[subprocess.Popen[str]]:
    """Start draining c01; where the block fails, or leaves it running, it is killed."""
    words = [str(STACKMEND), "node", "drain", "c01", "--yes", *options]
    with subprocess.Popen(
        words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def moving(fleet: Fleet, instances: list[str]) -> bool:
    """Return whether nova is moving one of them."""
    return any("migrating" in fleet.state(i) for i in instances)


def each_runs_once(fleet: Fleet, instances: list[str], nodes: tuple[str, ...] = NODES) -> None:
    """Fail where libvirt does not run each of them on one node exactly."""
    for instance in instances:
        assert len(fleet.running_on(instance, nodes)) == 1
