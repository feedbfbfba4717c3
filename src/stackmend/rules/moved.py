"""What moved in the world between two plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each fact that differs, by its key.

    Args:
        before: what the plan that was shown rests on; mappings of mappings of plain values.
        after: the same for the plan that was made after it.
    """
    sentences = []
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            sentences += [f"{key} {s}" for s in differences(old, new)]
        elif old != new:
            sentences.append(f"{key} was {old or 'not there'}, is {new or 'gone'}")
    return sentences
