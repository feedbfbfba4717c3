"""What a watch over the compute nodes says: what it watches, changes of condition, and waves of them."""

from __future__ import annotations

import enum
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
        act_on: nodes that are recovered where they are found dead.
        max_share: percentage of the nodes above which none is acted on.
        most: how many nodes that is.
        unfenceable: those of ``act_on`` that no power controller can fence.
    """

    at: datetime
    cloud: str
    nodes: tuple[NodeName, ...]
    up: int
    interval: float
    act_on: tuple[NodeName, ...] = ()
    max_share: float = 0.0
    most: int = 0
    unfenceable: tuple[NodeName, ...] = ()


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


class Stage(enum.StrEnum):
    """What a watch does with a node that is down.

    LEFT: it does not act on it. BEGUN: a run that recovers it has begun. DONE: that run came to its end. PAUSED: that
    run waits for a person.
    """

    LEFT = "left"
    BEGUN = "begun"
    DONE = "done"
    PAUSED = "paused"


@dataclass(frozen=True)
class Act:
    """The watch acts on a node, has acted on it, or does not, and why.

    Attributes:
        at: when it was said.
        node: its name.
        stage: which of these.
        sentence: what is done or was, or why not; and what to type.
        run: the run that recovers it; empty for none.
    """

    at: datetime
    node: NodeName
    stage: Stage
    sentence: str
    run: str = ""


Event: TypeAlias = Watching | Change | Wave | Act


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
