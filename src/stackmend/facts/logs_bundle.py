"""Copied logs on this machine's disk: a directory of ``/var/log`` for each node, or extracted sos reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stackmend.domain.log_record import LogQuery, NodeLogs
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Refused
from stackmend.facts.logs_answer import of_lines, order
from stackmend.facts.logs_scan import Order, answer
from stackmend.rules.logs_services import services_of

CONTAINED = {"kolla", "containers"}
SOS = "sosreport-"


@dataclass(frozen=True)
class Part:
    """The logs of one node.

    Attributes:
        node: its name, by the report or by the directory.
        top: what was its ``/var/log``.
    """

    node: NodeName
    top: Path


def parts_of(directory: Path) -> tuple[Part, ...]:
    """Return the nodes whose logs are in a directory: itself, or those below it.

    Raises:
        Refused: LOGS_MISSING: there is no such directory, or nothing in it looks like logs.
    """
    if not directory.is_dir():
        raise Refused(Code.LOGS_MISSING, f"there is no directory {directory}", hint="name one that holds copied logs")
    own = _part(directory)
    parts = (own,) if own else tuple(_below(directory))
    if not parts:
        raise Refused(
            Code.LOGS_MISSING,
            f"{directory} holds no logs of OpenStack's services",
            hint="it should hold a copied /var/log for each node, such as NODE/nova, or extracted sos reports",
        )
    return parts


def read_bundle(parts: Sequence[Part], query: LogQuery, *, zone: str) -> tuple[NodeLogs, ...]:
    """Return what the copied logs of nodes have.

    Args:
        parts: the nodes' directories.
        query: which records.
        zone: of the time stamps that name none, such as ``Asia/Tokyo``.
    """
    services = services_of(())

    def read(part: Part) -> NodeLogs:
        asked = Order(**order(query, services, top=str(part.top), zone=zone))
        return of_lines(part.node, list(answer(asked)), query, (0.0, 0.0))

    return tuple(read(part) for part in parts)


def _below(directory: Path) -> Iterator[Part]:
    for place in sorted(path for path in directory.iterdir() if path.is_dir()):
        part = _part(place)
        if part is not None:
            yield part


def _part(place: Path) -> Part | None:
    top = next((top for top in (place / "var" / "log", place / "log", place) if _has_logs(top)), None)
    return None if top is None else Part(_name(place), top)


def _has_logs(top: Path) -> bool:
    known = {name.split("/")[0] for service in services_of(()) for name in service.directories} | CONTAINED
    return top.is_dir() and any(
        path.name in known and path.is_dir() and any(path.rglob("*.log*")) for path in top.iterdir()
    )


def _name(place: Path) -> NodeName:
    """Return the node's name: the first word that a sos report has of it, or the directory's own."""
    said = place / "hostname"
    if said.is_file():
        words = said.read_text(errors="replace").split()
        if words:
            return NodeName(words[0])
    name = place.resolve().name
    return NodeName(name.removeprefix(SOS).split("-")[0] if name.startswith(SOS) else name)
