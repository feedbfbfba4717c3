"""A finding: one thing seen to be well or not, with a sentence."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class Level(enum.StrEnum):
    """How a finding counts."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One check's result.

    Attributes:
        code: stable name of the check, such as ``amqp-consumer``.
        level: whether it is well.
        sentence: what was seen, for a person.
        subject: node, unit or instance that it is about.
        hint: what to do where it is not well.
        evidence: small facts behind the sentence; never a secret.
    """

    code: str
    level: Level
    sentence: str
    subject: str = ""
    hint: str = ""
    evidence: Mapping[str, str] = field(default_factory=dict)
