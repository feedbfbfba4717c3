"""One move of an instance, as it was decided and journaled."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from stackmend.domain.values import InstanceId, NodeName


@dataclass(frozen=True)
class Move:
    """One move of one instance to one node.

    Attributes:
        instance: id.
        name: for sentences.
        source: node it is on.
        target: node it goes to.
        mode: ``live`` or ``cold``.
        after: id of the newest migration record there was when this was decided.
        vm_state: nova's state of it before.
        force: whether the scheduler is passed by (live only).
        complete: whether a running live migration is to be forced to complete.
        patience: seconds without progress after which a live migration is taken for not converging.
    """

    instance: InstanceId
    name: str
    source: NodeName
    target: NodeName
    mode: str
    after: int
    vm_state: str
    force: bool = False
    complete: bool = False
    patience: float = 120.0

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Move:
        """Return what ``to_json`` gave."""
        return cls(**data)
