"""Which instances come first when many are started or moved. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

PRIORITY = "stackmend:priority"
"""Key of an instance's metadata with a whole number: the higher, the sooner; a tag ``priority=N`` says the same."""

_TAG = re.compile(r"priority=(-?\d+)")
_NUMBER = re.compile(r"-?\d+")


def priority(metadata: Mapping[str, str], tags: Iterable[str] = ()) -> int:
    """Return an instance's priority: by its metadata, else by its highest tag, else 0. What is no number counts not."""
    said = str(metadata.get(PRIORITY, "")).strip()
    if _NUMBER.fullmatch(said):
        return int(said)
    return max((int(m[1]) for tag in tags if (m := _TAG.fullmatch(tag))), default=0)
