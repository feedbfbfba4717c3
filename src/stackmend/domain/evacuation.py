"""One evacuation of an instance, as it was decided and journaled."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from stackmend.domain.values import InstanceId, NodeName


@dataclass(frozen=True)
class Evacuation:
    """One instance's way from a fenced node to another.

    Attributes:
        instance: id.
        name: for sentences.
        source: the fenced node.
        target: node it is started on anew.
        fence: the step of the run that proved the source fenced.
        after: id of the newest migration record there was when this was decided.
        vm_state: nova's state of it before.
        volumes: ids of the volumes it had attached.
        placed: the step of the run that put a copy of its files in place on the target; empty where none did.
        dropped: the target of an attempt that nova dropped, which may have left something there.
    """

    instance: InstanceId
    name: str
    source: NodeName
    target: NodeName
    fence: str
    after: int
    vm_state: str
    volumes: tuple[str, ...] = ()
    placed: str = ""
    dropped: NodeName | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {**asdict(self), "volumes": list(self.volumes)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Evacuation:
        """Return what ``to_json`` gave."""
        return cls(**{**data, "volumes": tuple(data["volumes"])})
