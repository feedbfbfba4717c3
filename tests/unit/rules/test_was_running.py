"""Which instances ran before their node went down: never one that a user stopped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from stackmend.domain.instance import Domain, Instance, InstanceAction
from stackmend.domain.values import InstanceId, NodeName
from stackmend.rules.was_running import GOING_DOWN, judge

DOWN = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OFF = Domain(InstanceId("a"), "instance-1", "shut off")
ON = Domain(InstanceId("a"), "instance-1", "running")


def instance(state: str, task: str = "") -> Instance:
    return Instance(InstanceId("a"), "a", NodeName("c01"), state, task_state=task)


def action(verb: str, at: datetime, user: str = "", *, failed: bool = False) -> InstanceAction:
    return InstanceAction(verb, "req", user, at, failed)


@pytest.mark.parametrize("domain", [OFF, None])
def test_nova_has_it_active_and_libvirt_does_not_run_it(domain: Domain | None) -> None:
    assert judge(instance("active"), domain, (), DOWN).was is True


@pytest.mark.parametrize("state", ["active", "stopped"])
def test_what_runs_needs_no_start(state: str) -> None:
    ran = judge(instance(state), ON, (), DOWN)
    assert (ran.was, ran.runs) == (False, True)


@pytest.mark.parametrize("at", [DOWN - 2 * GOING_DOWN, DOWN - MINUTE, DOWN + MINUTE])
def test_what_a_user_stopped_stays_so(at: datetime) -> None:
    ran = judge(instance("stopped"), OFF, (action("stop", at, "u1"),), DOWN)
    assert ran.was is False
    assert "a user stopped it" in ran.sentence


@pytest.mark.parametrize("at", [DOWN - MINUTE, DOWN + 10 * MINUTE])
def test_nova_found_it_off_when_the_node_went_down_or_after(at: datetime) -> None:
    actions = (action("stop", at), action("create", DOWN - 100 * MINUTE, "u1"))
    assert judge(instance("stopped"), OFF, actions, DOWN).was is True


def test_what_ended_by_itself_long_before_is_left() -> None:
    actions = (action("stop", DOWN - GOING_DOWN - MINUTE),)
    assert judge(instance("stopped"), OFF, actions, DOWN).was is False


def test_a_stop_that_failed_does_not_count() -> None:
    actions = (action("stop", DOWN + MINUTE, "u1", failed=True), action("stop", DOWN))
    assert judge(instance("stopped"), OFF, actions, DOWN).was is True


@pytest.mark.parametrize("actions", [(), (action("evacuate", DOWN), action("stop", DOWN - MINUTE))])
def test_a_stop_that_nova_does_not_explain_is_not_known(actions: tuple[InstanceAction, ...]) -> None:
    assert judge(instance("stopped"), OFF, actions, DOWN).was is None


def test_without_the_going_down_it_is_not_known() -> None:
    assert judge(instance("stopped"), OFF, (action("stop", DOWN),), None).was is None


def test_what_nova_works_on_is_left() -> None:
    assert judge(instance("active", "rebooting"), OFF, (), DOWN).was is None


@pytest.mark.parametrize("state", ["error", "paused", "suspended", "shelved_offloaded"])
def test_other_states_are_left(state: str) -> None:
    assert judge(instance(state), OFF, (), DOWN).was is False
