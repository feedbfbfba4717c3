"""Two commands run in turn, each in a process of its own, timed from outside."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Run:
    """What one process took.

    Attributes:
        wall: seconds from its start to its end.
        cpu: seconds of processor time, user and system, of it and its children.
    """

    wall: float
    cpu: float


def once(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Run:
    """Run a command and time it; its failure ends the benchmark."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=environment)
    wall = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Run(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def in_turn(
    ours: Sequence[str], theirs: Sequence[str], *, rounds: int, environment: Mapping[str, str] | None = None
) -> tuple[list[Run], list[Run]]:
    """Run both commands once to warm the caches, then in turn, ``rounds`` times each."""
    for command in (ours, theirs):
        once(command, environment)
    pairs = [(once(ours, environment), once(theirs, environment)) for _ in range(rounds)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def report(name: str, runs: Sequence[Run]) -> Run:
    """Print one side and return its medians."""
    walls = sorted(run.wall for run in runs)
    median = Run(statistics.median(walls), statistics.median(run.cpu for run in runs))
    print(f"{name:32} wall {median.wall:5.2f} s ({walls[0]:.2f} to {walls[-1]:.2f})   CPU {median.cpu:5.2f} s")
    return median
