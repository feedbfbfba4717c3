"""Names for what values mean: identifiers, JSON and secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NewType, TypeAlias

NodeName = NewType("NodeName", str)
InstanceId = NewType("InstanceId", str)
RunId = NewType("RunId", str)
StepId = NewType("StepId", str)

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"
JsonObject: TypeAlias = Mapping[str, "Json"]


class Secret:
    """A value that never shows itself: ``str``, ``repr`` and JSON give asterisks; ``reveal`` is the one door."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself, for handing it to a client library."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(****)"

    def __str__(self) -> str:
        return "****"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reveal() == self._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))
