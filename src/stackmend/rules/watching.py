"""What is said of many nodes that are looked at again and again: changes seen twice, and waves of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeAlias

from stackmend.domain.death import Condition, Diagnosis, NovaSeen
from stackmend.domain.values import NodeName
from stackmend.domain.watch import Change, Event, Memory, Wave

AT_ONCE = timedelta(seconds=60)
"""Failures that come within this time count as one wave."""

OF_LATE = timedelta(seconds=30)
"""How long a heartbeat of a silent node counts as one of late: three of nova's report intervals."""

Beats: TypeAlias = tuple[tuple[datetime, datetime], ...]
"""When each heartbeat was first seen, and the heartbeat."""

WAVE_NODES = 2
"""A wave has so many nodes at least, however small the cloud is."""


def needs_a_look(memory: Memory, glance: Diagnosis) -> bool:
    """Return whether a node is to be asked about in full: it is silent, or not as it was said to be.

    Args:
        memory: what was said.
        glance: what nova and the node itself come to, without other nodes and its power controller.
    """
    return not glance.condition.answers or is_news(memory, glance)


def same(said: Diagnosis, found: Diagnosis) -> bool:
    """Return whether a node is as it was said to be: the same condition, and the same excuse or none."""
    return said.condition == found.condition and bool(said.planned) == bool(found.planned)


def is_news(memory: Memory, found: Diagnosis) -> bool:
    """Return whether a node is not as it was said to be."""
    said = memory.said.get(found.node)
    return said is None or not same(said, found)


def settled(memory: Memory, glances: Iterable[Diagnosis]) -> Memory:
    """Return what is remembered with the nodes that are up when they are first seen: that is not worth a line."""
    new = {one.node: one for one in glances if one.condition is Condition.UP and one.node not in memory.said}
    return replace(memory, said={**memory.said, **new})


def confirmed(memory: Memory, first: Diagnosis, second: Diagnosis) -> bool:
    """Return whether two looks in a row agree on something that was not said before."""
    return same(first, second) and is_news(memory, second)


def heard_since(earlier: Beats | None, nova: NovaSeen, at: datetime) -> Beats:
    """Return a silent node's heartbeats of late, each with when it was first seen; two of them are life.

    The heartbeat that stood in nova's record when the node was first found silent may be older than its death, or a
    moment younger than that look: it does not count.

    Args:
        earlier: what was returned after the look before; None where the node answered then.
        nova: its record now.
        at: now.
    """
    if earlier is None:
        return ()
    new = tuple((at, beat) for beat in nova.beats[-1:] if not earlier or beat > earlier[-1][1])
    every = (*earlier, *new)
    return (*(one for one in every[:-1] if at - one[0] <= OF_LATE), *every[-1:])


def has_failed(found: Diagnosis) -> bool:
    """Return whether a node does nothing, or cannot be seen to do anything, and nobody meant it."""
    return found.condition not in {Condition.UP, Condition.DEGRADED} and not found.planned


def advance(
    memory: Memory, at: datetime, news: Mapping[NodeName, Diagnosis], *, watched: int, most_share: float
) -> tuple[Memory, tuple[Event, ...]]:
    """Return what is remembered after a look, and what is to be said of it.

    Args:
        memory: what was remembered.
        at: now.
        news: confirmed diagnoses of the nodes that are not as they were said to be.
        watched: how many nodes are watched.
        most_share: the share of them that may fail at once before it is called a wave.
    """
    failed = {node: when for node, when in memory.failed.items() if node not in news or has_failed(news[node])}
    failed |= {node: at for node, found in news.items() if has_failed(found) and node not in failed}
    events = tuple(_changes(memory, at, news))
    lately = tuple(sorted(node for node, when in failed.items() if at - when <= AT_ONCE))
    after = Memory({**memory.said, **news}, failed, memory.wave)
    if not memory.wave and _is_wave(len(lately), watched, most_share):
        return Memory(after.said, failed, wave=True), (*events, Wave(at, lately, watched))
    if memory.wave and not _is_wave(len(failed), watched, most_share):
        return Memory(after.said, failed), (*events, Wave(at, tuple(sorted(failed)), watched, over=True))
    return after, events


def _changes(memory: Memory, at: datetime, news: Mapping[NodeName, Diagnosis]) -> Iterator[Change]:
    for node, found in sorted(news.items()):
        said = memory.said.get(node)
        yield Change(at, node, None if said is None else said.condition, _hinted(found))


def _hinted(found: Diagnosis) -> Diagnosis:
    """Return a diagnosis that names who can tell more, where a short look cannot tell."""
    if found.condition is not Condition.UNKNOWN:
        return found
    return replace(found, sentence=f"{found.sentence}; `stackmend node diagnose {found.node}` looks longer")


def _is_wave(failed: int, watched: int, most_share: float) -> bool:
    return failed >= WAVE_NODES and failed > most_share * watched
