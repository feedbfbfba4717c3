"""What is wrong with an inventory, said with file, line and field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from stackmend.errors import Code, Refused

_KINDS = {str: "a text", int: "a number", bool: "true or false"}


@dataclass(frozen=True)
class Place:
    """A field of a YAML file, such as ``nodes.c01.roles``.

    Attributes:
        file: the file.
        text: its content, from which the line is found.
        path: names of the fields on the way.
    """

    file: Path
    text: str = field(repr=False)
    path: tuple[str, ...] = ()

    def __truediv__(self, name: str) -> Place:
        return Place(self.file, self.text, (*self.path, name))

    def wrong(self, what: str, *, hint: str = "") -> Refused:
        """Return the refusal that something is wrong here."""
        where = f"{self.file} line {self._line()}" + (f", {'.'.join(self.path)}" if self.path else "")
        return malformed(f"{where}: {what}", hint=hint)

    def beside(self, path: str) -> str:
        """Return a path as it is meant: relative ones begin where the file lies."""
        return str(self.file.absolute().parent / Path(path).expanduser()) if path else ""

    def _line(self) -> int:
        """Return the line of the innermost field on the path that is there."""
        node = yaml.compose(self.text, Loader=yaml.SafeLoader)
        line = 1
        for name in self.path:
            pairs = node.value if isinstance(node, yaml.MappingNode) else []
            found = next(((key, value) for key, value in pairs if key.value == name), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        return line


def malformed(sentence: str, *, hint: str = "") -> Refused:
    """Return the refusal of an inventory that cannot be used."""
    return Refused(Code.INVENTORY_MALFORMED, sentence, hint=hint)


def mapping(value: Any, place: Place) -> dict[str, Any]:  # noqa: ANN401 - whatever YAML gave
    """Return a mapping with text keys, empty for nothing; refuse everything else."""
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise place.wrong("should be a mapping of names")
    return value


def text(value: Any, place: Place) -> str:  # noqa: ANN401
    """Return a text; refuse everything else."""
    if not isinstance(value, str) or not value:
        raise place.wrong(f"should be a text, not {value!r}")
    return value


def texts(value: Any, place: Place) -> tuple[str, ...]:  # noqa: ANN401
    """Return a list of texts, empty for nothing; refuse everything else."""
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise place.wrong("should be a list of names, such as [compute]")
    return tuple(value)


def typed(value: Any, kinds: Mapping[str, type], place: Place, *, secrets: Iterable[str] = ()) -> dict[str, Any]:  # noqa: ANN401
    """Return a mapping of known fields, each of its type; refuse everything else.

    Args:
        value: what YAML gave.
        kinds: the type of each field that is known.
        place: where it stands.
        secrets: fields whose value no error may show.
    """
    fields = mapping(value, place)
    only(set(kinds), fields, place)
    for name, given in fields.items():
        if type(given) is not kinds[name]:
            shown = "" if name in secrets else f", not {given!r}"
            raise (place / name).wrong(f"should be {_KINDS[kinds[name]]}{shown}")
    return fields


def only(known: set[str], given: dict[str, Any], place: Place) -> None:
    """Refuse fields that nobody knows, which are mistyped ones."""
    for name in given:
        if name not in known:
            raise (place / name).wrong(f"there is no field {name}; fields are {', '.join(sorted(known))}")
