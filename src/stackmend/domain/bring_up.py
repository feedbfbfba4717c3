"""Bringing one instance up: what was decided, and how it was before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from stackmend.domain.values import InstanceId, NodeName


@dataclass(frozen=True)
class BringUp:
    """One start or reboot.

    Attributes:
        instance: its id.
        name: its name.
        node: where it is.
        how: ``start``, ``soft`` or ``hard``.
        vm_state: nova's before.
        process: what told the domain's start from others before; empty where it did not run.
        after: request id of nova's newest action on it before; empty for none.
        seconds: how long it may take.
    """

    instance: InstanceId
    name: str
    node: NodeName
    how: str
    vm_state: str
    process: str
    after: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> BringUp:
        """Return what ``to_json`` gave; what else a change holds is left out."""
        return cls(**{f.name: data[f.name] for f in fields(cls)})
