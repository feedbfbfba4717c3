"""What a watch over the compute nodes says: what it watches, changes of condition, and waves of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from stackmend.domain.death import Condition, Diagnosis
from stackmend.domain.values import NodeName


@dataclass(frozen=True)
class Watching:
    """The watch has begun, and looked once.

    Attributes:
        at: when.
        cloud: its name.
        nodes: compute nodes that are watched.
        up: how many of them are up.
        interval: seconds from one look to the next.
    """

    at: datetime
    cloud: str
    nodes: tuple[NodeName, ...]
    up: int
    interval: float


@dataclass(frozen=True)
class Change:
    """A node's condition is another than was said of it last.

    Attributes:
        at: when it was said.
        node: its name.
        former: what was said before; None where nothing was.
        found: how it is now, by two looks.
    """

    at: datetime
    node: NodeName
    former: Condition | None
    found: Diagnosis


@dataclass(frozen=True)
class Wave:
    """Many nodes failed at once, or no longer so many are failed.

    Attributes:
        at: when it was said.
        nodes: those that failed at once; those still failed where the wave is over.
        watched: how many nodes are watched.
        over: whether it is over.
    """

    at: datetime
    nodes: tuple[NodeName, ...]
    watched: int
    over: bool = False


Event: TypeAlias = Watching | Change | Wave


@dataclass(frozen=True)
class Memory:
    """What a watch remembers from one look to the next.

    Attributes:
        said: the diagnosis that was said last of each node.
        failed: when each node that is failed now was said to be.
        wave: whether a wave was said and is not over.
    """

    said: Mapping[NodeName, Diagnosis] = field(default_factory=dict)
    failed: Mapping[NodeName, datetime] = field(default_factory=dict)
    wave: bool = False
