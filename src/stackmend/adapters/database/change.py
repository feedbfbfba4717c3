"""What one change of one row is; apart from what carries it out, which is slow to import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Change:
    """One change of one row.

    Attributes:
        what: the row's id, by which it is named where the change does not match.
        sql: an UPDATE that can match no row but that one, parameters written as ``%(name)s``.
        parameters: their values.
    """

    what: str
    sql: str
    parameters: Mapping[str, Any]
