"""What a single change came to, and what it must remember so that it can be finished or undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stackmend.domain.values import JsonObject


@dataclass(frozen=True)
class Do:
    """The decision to change something.

    Attributes:
        change: all that ``apply`` and ``undo`` need, the former state included; JSON, journaled before apply.
        sentence: why, and what will be done.
    """

    change: JsonObject
    sentence: str


@dataclass(frozen=True)
class Skip:
    """The decision that nothing needs doing, because the world is already so."""

    sentence: str


@dataclass(frozen=True)
class Receipt:
    """What was done, read back from the world.

    Attributes:
        sentence: the outcome for a person.
        data: figures and facts for reports, JSON.
        commands: what was really called, in an operator's words.
    """

    sentence: str
    data: JsonObject = field(default_factory=dict)
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """A person's decision on a paused step, such as retry with ``mode=cold``."""

    verb: str
    options: Mapping[str, str] = field(default_factory=dict)
