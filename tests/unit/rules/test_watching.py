"""What a watch says: only what two looks agree on, and waves of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from stackmend.domain.death import Condition, Diagnosis, NovaSeen
from stackmend.domain.values import NodeName
from stackmend.domain.watch import Change, Memory, Wave
from stackmend.rules.watching import AT_ONCE, OF_LATE, advance, confirmed, heard_since, needs_a_look, settled

AT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def found(condition: Condition, node: str = "c01", planned: str = "") -> Diagnosis:
    return Diagnosis(NodeName(node), AT, condition, "", (), planned)


def said(*every: Diagnosis) -> Memory:
    return Memory({one.node: one for one in every})


def news(*every: Diagnosis) -> dict[NodeName, Diagnosis]:
    return {one.node: one for one in every}


def off(*nodes: str) -> dict[NodeName, Diagnosis]:
    return news(*(found(Condition.OFF, node) for node in nodes))


def test_a_node_that_is_as_it_was_is_left_in_peace() -> None:
    assert not needs_a_look(settled(Memory(), [found(Condition.UP)]), found(Condition.UP))
    assert not needs_a_look(said(found(Condition.DEGRADED)), found(Condition.DEGRADED))


def test_a_node_that_differs_or_is_silent_is_looked_at() -> None:
    assert needs_a_look(Memory(), found(Condition.DEGRADED))
    assert needs_a_look(said(found(Condition.DEGRADED)), found(Condition.UP))
    assert needs_a_look(said(found(Condition.UNKNOWN)), found(Condition.UNKNOWN))
    assert needs_a_look(said(found(Condition.DEGRADED)), found(Condition.DEGRADED, planned="held"))


def test_nothing_is_said_that_two_looks_do_not_agree_on() -> None:
    before = said(found(Condition.UP))
    assert confirmed(before, found(Condition.OFF), found(Condition.OFF))
    assert not confirmed(before, found(Condition.UNKNOWN), found(Condition.OFF))
    assert not confirmed(before, found(Condition.OFF), found(Condition.UP))
    assert not confirmed(before, found(Condition.UP), found(Condition.UP))


def test_only_nodes_that_are_up_are_remembered_without_a_word() -> None:
    seen = (found(Condition.UP), found(Condition.UP, "c02"), found(Condition.OFF, "c03"))
    memory = settled(said(found(Condition.OFF)), seen)
    assert {node: one.condition for node, one in memory.said.items()} == {"c01": Condition.OFF, "c02": Condition.UP}


def test_a_change_names_what_was_said_before() -> None:
    memory, events = advance(Memory(), AT, off("c01"), watched=10, most_share=0.3)
    assert [(e.node, e.former) for e in events if isinstance(e, Change)] == [("c01", None)]
    _, events = advance(memory, AT, news(found(Condition.UP)), watched=10, most_share=0.3)
    assert [(e.node, e.former) for e in events if isinstance(e, Change)] == [("c01", Condition.OFF)]


def test_more_than_the_share_at_once_is_a_wave_said_once() -> None:
    memory, events = advance(Memory(), AT, off("c01", "c02", "c03"), watched=10, most_share=0.3)
    assert not any(isinstance(e, Wave) for e in events)
    memory, events = advance(memory, AT + AT_ONCE, off("c04"), watched=10, most_share=0.3)
    assert events[-1] == Wave(AT + AT_ONCE, (NodeName("c01"), NodeName("c02"), NodeName("c03"), NodeName("c04")), 10)
    memory, events = advance(memory, AT + AT_ONCE, off("c05"), watched=10, most_share=0.3)
    assert not any(isinstance(e, Wave) for e in events)


def test_failures_that_come_one_by_one_are_no_wave() -> None:
    memory = Memory()
    for number, node in enumerate(("c01", "c02", "c03", "c04")):
        at = AT + number * (AT_ONCE + SECOND)
        memory, events = advance(memory, at, off(node), watched=10, most_share=0.1)
        assert not any(isinstance(e, Wave) for e in events)


def test_a_wave_is_over_when_so_many_are_back() -> None:
    memory, _ = advance(Memory(), AT, off("c01", "c02"), watched=5, most_share=0.3)
    memory, events = advance(memory, AT, news(found(Condition.UP)), watched=5, most_share=0.3)
    assert events[-1] == Wave(AT, (NodeName("c02"),), 5, over=True)
    assert not memory.wave


def test_one_node_is_no_wave_and_a_planned_stop_is_no_failure() -> None:
    _, events = advance(Memory(), AT, off("c01"), watched=2, most_share=0.3)
    assert not any(isinstance(e, Wave) for e in events)
    meant = news(*(found(Condition.DEGRADED, node, "held") for node in ("c01", "c02")))
    memory, events = advance(Memory(), AT, meant, watched=2, most_share=0.3)
    assert not any(isinstance(e, Wave) for e in events)
    assert not memory.failed


def nova(beat: datetime) -> NovaSeen:
    return NovaSeen(None, (beat,))


def test_the_last_heartbeat_before_the_silence_is_no_life() -> None:
    beats = heard_since(None, nova(AT), AT)
    beats = heard_since(beats, nova(AT + 1 * SECOND), AT + 5 * SECOND)
    assert len(heard_since(beats, nova(AT + 1 * SECOND), AT + 10 * SECOND)) == 1


def test_a_heartbeat_that_advances_is_life_until_it_stops() -> None:
    beats = heard_since((), nova(AT), AT)
    beats = heard_since(beats, nova(AT + 10 * SECOND), AT + 10 * SECOND)
    assert len(beats) == 2
    assert len(heard_since(beats, nova(AT + 10 * SECOND), AT + OF_LATE + SECOND)) == 1


def test_what_a_short_look_cannot_tell_names_the_long_one() -> None:
    _, (event,) = advance(Memory(), AT, news(found(Condition.UNKNOWN)), watched=10, most_share=0.3)
    assert isinstance(event, Change)
    assert "`stackmend node diagnose c01`" in event.found.sentence
