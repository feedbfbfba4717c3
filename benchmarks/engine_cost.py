"""Measuring one side in a process of its own."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

THREADS = 32
"""Of either side, for steps that do not wait for each other."""


def child(side: Callable[[Path, str, int, str], Callable[[], None]]) -> None:
    """Measure what the command line's ``SHAPE N SYNC`` ask for, and print it as JSON.

    The directory is in /var/tmp, on a disk: where /tmp is memory, nothing would be waited for. ``ms`` and ``cpu_ms``
    are a step's, ``rss_mb`` the most that the process took.
    """
    shape, n, sync = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        go = side(Path(directory), shape, n, sync)
        wall, cpu = time.perf_counter(), time.process_time()
        go()
        found = {
            "ms": (time.perf_counter() - wall) * 1000 / n,
            "cpu_ms": (time.process_time() - cpu) * 1000 / n,
            "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
    print(json.dumps(found))
