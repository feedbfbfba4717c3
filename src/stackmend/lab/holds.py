"""Several labs on one cache: one builds at a time, and nobody clears out the layers that a running host is on."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stackmend.lab.progress import Progress
from stackmend.lab.settings import Settings


@contextmanager
def cache(settings: Settings, progress: Progress) -> Iterator[None]:
    """Hold the cache while the block lasts; wait where another lab holds it."""
    settings.cache.mkdir(parents=True, exist_ok=True)
    with (settings.cache / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with progress.phase("waiting for another lab that builds in the same cache"):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def clear_out(folder: Path) -> None:
    """Remove a folder of the cache with all that is in it, unless a running host is on it; ``host.sh`` holds those."""
    if folder.is_dir() and not any(map(_held, (folder, *(folder / "layers").glob("*")))):
        shutil.rmtree(folder)


def _held(layer: Path) -> bool:
    descriptor = os.open(layer, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
