"""The plan that takes a recovered node back: clean first, then up, verified, and enabled as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stackmend.domain.health import Held
from stackmend.domain.instance import ComputeService
from stackmend.domain.node import Node, Role, SshAccess
from stackmend.domain.values import InstanceId, NodeName, RunId
from stackmend.errors import Code, Refused
from stackmend.rules.returning import Moved, Owed
from stackmend.runbooks.readmit import plan_readmit
from stackmend.runbooks.returning import Home

C02, C03 = NodeName("c02"), NodeName("c03")
MACHINE = Node(C03, frozenset({Role.COMPUTE}), SshAccess("192.0.2.3"))
DOWN = ComputeService("s", C03, enabled=False, reason="", up=False, forced_down=True, heartbeat=None)
CHANGE = {"former": {"enabled": True}, "made": {"enabled": False, "reason": "stackmend r"}}
OWED = Owed((RunId("r-1"),), (), CHANGE)


def test_each_step_waits_for_the_one_before() -> None:
    plan = plan_readmit(MACHINE, DOWN, OWED, canary=True)
    assert [s.action for s in plan.steps] == [
        "node.reconcile",
        "node.clear-records",
        "node.force-up",
        "node.verify",
        "scheduling.restore",
    ]
    assert [s.needs for s in plan.steps[1:]] == [(s.id,) for s in plan.steps[:-1]]
    assert plan.options["returns"] == ["r-1"]


def test_what_a_salvage_holds_is_let_go_first_nova_compute_last() -> None:
    names = ("libvirtd-ro.socket", "libvirtd.service", "libvirtd.socket", "nova-compute.service")
    held = tuple(Held(name, "r-1", "", "", "", "active", "enabled", masked=False) for name in names)
    plan = plan_readmit(MACHINE, DOWN, OWED, held, canary=True)
    assert [s.id.removeprefix("release/") for s in plan.steps[:5]] == [
        "libvirtd.socket",
        "libvirtd-ro.socket",
        "libvirtd.service",
        "nova-compute.service",
        "node.reconcile/c03",
    ]
    assert [s.needs for s in plan.steps[1:]] == [(s.id,) for s in plan.steps[:-1]]


def test_one_that_nobody_owes_anything_is_still_let_up_where_it_is_forced_down() -> None:
    plan = plan_readmit(MACHINE, DOWN, None, canary=False)
    assert [s.action for s in plan.steps] == [
        "node.reconcile",
        "node.clear-records",
        "node.force-up",
        "node.verify",
    ]


def test_what_is_left_is_shown_and_removed_only_where_that_is_asked_for() -> None:
    left = ("web (a) is shut off there, and nova has it active on c02",)
    shown = plan_readmit(MACHINE, DOWN, OWED, (), left, canary=True)
    assert shown.notes[0] == f"left on c03: {left[0]}"
    assert "--clean-up removes what it leaves" in shown.notes[1]
    cleans = plan_readmit(MACHINE, DOWN, OWED, (), left, canary=True, clean_up=True)
    assert [s.action for s in cleans.steps][:5] == [
        "node.reconcile",
        "node.clear-domains",
        "node.clear-directories",
        "node.clear-records",
        "node.force-up",
    ]
    assert [s.needs for s in cleans.steps[1:]] == [(s.id,) for s in cleans.steps[:-1]]


def test_what_a_drain_moved_is_left_to_the_return() -> None:
    moved = Moved(InstanceId("a"), "web", C03, C02, "live")
    plan = plan_readmit(MACHINE, DOWN, replace(OWED, moved=(moved,)), canary=True)
    assert plan.options["returns"] == []
    assert plan.notes == ("web stays on c02; `stackmend node return c03` brings it home",)


def test_there_is_nothing_to_readmit_of_a_node_that_is_up() -> None:
    with pytest.raises(Refused) as caught:
        plan_readmit(MACHINE, replace(DOWN, forced_down=False), None, canary=True)
    assert caught.value.code is Code.NOTHING_TO_RETURN


def test_what_was_evacuated_comes_home_only_where_that_is_asked_for() -> None:
    evacuated = tuple(Moved(InstanceId(i), i, C03, C02, mode) for i, mode in (("off", "cold"), ("on", "live")))
    owed = replace(OWED, evacuated=evacuated)
    stays = plan_readmit(MACHINE, DOWN, owed, canary=True)
    assert [s.action for s in stays.steps][-1] == "scheduling.restore"
    assert stays.notes[1] == "on stays on c02, where it was started; --return-instances brings it home"
    home = Home(C03, disabled_before=False, limits={C02: 1}, patience=60)
    comes = plan_readmit(MACHINE, DOWN, owed, canary=True, home=home)
    assert [s.params["instance"] for s in comes.steps[5:]] == ["on", "off"]
    assert {s.needs for s in comes.steps[5:]} >= {(comes.steps[4].id,)}
    assert (comes.notes, comes.options["returns"]) == ((), ["r-1"])
