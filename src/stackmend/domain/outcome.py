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


class Withdrawn(Exception):  # noqa: N818 - no error: the step is as if it had never begun
    """Raised by ``apply`` where the run is stopping and the change was taken back before it took effect.

    Args:
        sentence: what was taken back.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True)
class Choice:
    """A person's decision on a paused step, such as retry with ``mode=cold``."""

    verb: str
    options: Mapping[str, str] = field(default_factory=dict)
