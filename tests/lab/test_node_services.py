"""A compute node's services on the real lab: held, released, verified when sound and when broken, rebooted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from carrying import Hand
from fleet import Fleet, until

from stackmend.actions.commands import RunCommand
from stackmend.actions.reboot import Reboot
from stackmend.actions.scheduling import DisableScheduling, RestoreScheduling
from stackmend.actions.units import HoldUnit, ReleaseUnit
from stackmend.actions.verify import VerifyNode, verify_findings
from stackmend.adapters.world import World
from stackmend.domain.finding import Finding, Level
from stackmend.domain.node import Hook
from stackmend.domain.outcome import Skip
from stackmend.domain.values import NodeName, RunId, StepId
from stackmend.errors import Code, Failed, Refused
from stackmend.facts import units

pytestmark = pytest.mark.lab

C03 = NodeName("c03")
UNIT = "nova-compute.service"
OnNode = Callable[[str, str], str]


@pytest.fixture
def hand(world: World, fleet: Fleet) -> Iterator[Hand]:
    """A hand on c03, whose service is up when the test begins, and enabled again when it ends, however it ends."""
    until(lambda: str(fleet.service("c03")["state"]) == "up", "nova-compute on c03 is up")
    yield Hand(world)
    service = fleet.service("c03")
    if service["status"] == "disabled":
        world.openstack.put("compute", f"/os-services/{service['id']}", {"status": "enabled"}, version="2.53")


def active(on_node: OnNode, unit: str = UNIT) -> str:
    return on_node("c03", f"systemctl is-active {unit} || true").strip()


def looked_at(world: World) -> dict[str, Finding]:
    return {f.code: f for f in verify_findings(world, C03, canary=False)}


def failing(world: World) -> set[str]:
    return {code for code, finding in looked_at(world).items() if finding.level is Level.FAILED}


def becomes_sound(world: World) -> None:
    until(lambda: not failing(world), "c03 is sound again", timeout=120)


@contextmanager
def broken(on_node: OnNode, node: str, by: str, healed_by: str) -> Iterator[None]:
    on_node(node, by)
    try:
        yield
    finally:
        on_node(node, healed_by)


def test_a_held_unit_cannot_be_started_and_says_who_holds_it(hand: Hand, on_node: OnNode) -> None:
    hold = HoldUnit.step(C03, "CHG-1 at 50%")
    hand.carry_out(HoldUnit(), hold)
    try:
        tried = on_node("c03", "systemctl start nova-compute 2>&1; systemctl status --no-pager nova-compute; true")
        assert "Assertion failed" in tried
        assert "held by stackmend r-lab-test: CHG-1 at 50%" in tried
        assert active(on_node) == "inactive"
        assert on_node("c03", "pgrep -c -f '^[^ ]*python3 /usr/bin/nova-compute' || true").strip() == "0"
        another_run_is_refused(hand)
        hand.make(HoldUnit(), dict(hand.memory.changes[hold.id]))  # as after a kill
    finally:
        hand.carry_out(ReleaseUnit(), ReleaseUnit.step(C03, hold.id))
    assert active(on_node) == "active"
    assert units.held(hand.world, C03) == ()
    assert "stackmend" not in on_node("c03", "ls /etc/systemd/system/nova-compute.service.d")


def another_run_is_refused(hand: Hand) -> None:
    other = Hand(hand.world)
    other.memory.run_id = RunId("r-other")
    with pytest.raises(Refused) as refused:
        other.decide(HoldUnit(), HoldUnit.step(C03, "mine"))
    assert refused.value.code is Code.UNIT_HELD
    (held,) = units.held(hand.world, C03)
    with pytest.raises(Refused, match="held by r-lab-test"):
        other.decide(ReleaseUnit(), ReleaseUnit.step_from(C03, replace(held, owner="r-other")))


AGENT = r"""
printf '%s\n' '#!/bin/sh' 'case $1 in' \
  '--disable) touch /run/agent.disabled;;' \
  '--enable) rm -f /run/agent.disabled;;' \
  '*) while sleep 0.5; do [ -e /run/agent.disabled ] || systemctl start stackmend-test; done;;' \
  esac >/usr/local/sbin/agent
chmod 755 /usr/local/sbin/agent
printf '%s\n' '[Service]' 'ExecStart=/bin/sleep infinity' >/etc/systemd/system/stackmend-test.service
systemctl daemon-reload
systemctl start stackmend-test
systemd-run --quiet --collect --unit=agent /usr/local/sbin/agent"""

NO_AGENT = """
systemctl stop agent stackmend-test 2>/dev/null || true
rm -f /usr/local/sbin/agent /etc/systemd/system/stackmend-test.service /run/agent.disabled
systemctl daemon-reload"""


@pytest.fixture
def agent(world: World, on_node: OnNode) -> Iterator[Hand]:
    """A configuration management agent that starts a unit over and over; the unit's file is one that mask refuses."""
    hook = Hook("agent", "/usr/local/sbin/agent --disable", "/usr/local/sbin/agent --enable")
    nodes = {**world.inventory.nodes, C03: replace(world.inventory.nodes[C03], hooks=(hook,))}
    with broken(on_node, "c03", AGENT, NO_AGENT):
        yield Hand(replace(world, inventory=replace(world.inventory, nodes=nodes)))


def test_an_agent_is_disabled_while_a_unit_is_held(agent: Hand, on_node: OnNode) -> None:
    hooks = agent.world.inventory.nodes[C03].hooks
    hold = HoldUnit.step(C03, "CHG-2", candidates=("missing.service", "stackmend-test.service"), hooks=hooks)
    assert hold.commands[0] == "/usr/local/sbin/agent --disable"
    agent.carry_out(HoldUnit(), hold)
    assert on_node("c03", "ls /run/agent.disabled").strip() == "/run/agent.disabled"
    assert active(on_node, "stackmend-test") == "inactive"
    assert agent.undo(HoldUnit(), hold) == "stackmend-test.service on c03 is released and runs"
    assert on_node("c03", "ls /run/agent.disabled || true").strip() == ""
    assert active(on_node, "stackmend-test") == "active"


def test_a_unit_that_did_not_run_is_not_started(agent: Hand, on_node: OnNode) -> None:
    on_node("c03", "systemctl stop agent stackmend-test")
    hold = HoldUnit.step(C03, "CHG-3", candidates=("stackmend-test.service",))
    agent.carry_out(HoldUnit(), hold)
    receipt = agent.carry_out(ReleaseUnit(), ReleaseUnit.step(C03, hold.id))
    assert receipt.sentence.endswith("left inactive, as before")
    assert active(on_node, "stackmend-test") == "inactive"


def test_scheduling_is_given_back_as_it_was(hand: Hand, fleet: Fleet) -> None:
    disable = DisableScheduling.step(C03, "CHG-4")
    receipt = hand.carry_out(DisableScheduling(), disable)
    assert receipt.data["trait"] is True
    assert fleet.service("c03")["disabled_reason"] == "stackmend r-lab-test: CHG-4"
    hand.carry_out(RestoreScheduling(), RestoreScheduling.step(C03, disable.id))
    assert fleet.service("c03")["status"] == "enabled"


@pytest.fixture
def broken_fan(world: World, fleet: Fleet) -> str:
    """An operator's own reason for which c03 is disabled."""
    disabled = {"status": "disabled", "disabled_reason": "broken fan"}
    world.openstack.put("compute", f"/os-services/{fleet.service('c03')['id']}", disabled, version="2.53")
    return "broken fan"


def test_an_operators_own_disabling_stays(hand: Hand, fleet: Fleet, broken_fan: str) -> None:
    disable = DisableScheduling.step(C03, "CHG-5")
    hand.carry_out(DisableScheduling(), disable)
    assert fleet.service("c03")["disabled_reason"] == broken_fan
    assert isinstance(hand.decide(RestoreScheduling(), RestoreScheduling.step(C03, disable.id)), Skip)
    assert "is left" in hand.undo(DisableScheduling(), disable)
    assert fleet.service("c03")["disabled_reason"] == broken_fan


@pytest.fixture
def no_output_left(on_node: OnNode) -> Iterator[None]:
    yield
    on_node("c03", "rm -rf /var/lib/stackmend /run/ran")


@pytest.mark.usefixtures("no_output_left")
def test_a_command_outlives_the_connection_and_is_not_run_twice(hand: Hand, on_node: OnNode) -> None:
    line = ("sh", "-c", "echo run >>/run/ran; sleep 4; echo $HOME done")
    change = hand.decide(RunCommand(), RunCommand.step(C03, line, timeout=1))
    assert not isinstance(change, Skip)
    with pytest.raises(Failed) as late:
        hand.make(RunCommand(), change)
    assert late.value.code is Code.COMMAND_TIMEOUT
    hand.world.ssh.reset(C03)
    receipt = hand.make(RunCommand(), {**change, "timeout": 60})
    assert receipt.data["output"] == "/root done\n"
    hand.make(RunCommand(), change)
    assert on_node("c03", "cat /run/ran") == "run\n"


@pytest.mark.usefixtures("no_output_left")
def test_a_command_that_fails_and_one_that_is_lost(hand: Hand, on_node: OnNode) -> None:
    with pytest.raises(Failed) as failed:
        hand.carry_out(RunCommand(), RunCommand.step(C03, ("sh", "-c", "echo no; exit 7"), id=StepId("fails")))
    assert failed.value.code is Code.COMMAND_FAILED
    assert (failed.value.evidence["status"], failed.value.evidence["output"]) == ("7", "no\n")

    change = hand.decide(RunCommand(), RunCommand.step(C03, ("sleep", "60"), id=StepId("lost"), timeout=1))
    assert not isinstance(change, Skip)
    with pytest.raises(Failed, match="did not end"):
        hand.make(RunCommand(), change)
    on_node("c03", f"systemctl kill -s KILL {change['unit']}")
    until(lambda: active(on_node, str(change["unit"])) == "inactive", "the command is gone")
    with pytest.raises(Failed) as lost:
        hand.make(RunCommand(), change)
    assert lost.value.code is Code.COMMAND_LOST


def test_stopped_libvirt_is_found(world: World, on_node: OnNode, fleet: Fleet) -> None:
    daemon = "libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd.service"
    with broken(on_node, "c03", f"systemctl stop {daemon}", f"systemctl start {daemon}"):
        assert failing(world) == {"libvirt"}
    until(lambda: fleet.service("c03")["status"] == "enabled", "nova-compute has enabled itself again")


def test_a_wedged_nova_compute_is_found(world: World, on_node: OnNode) -> None:
    signal = f"systemctl kill -s {{}} {UNIT}"
    with broken(on_node, "c03", signal.format("STOP"), signal.format("CONT")):
        findings = looked_at(world)
        bad = {code for code, finding in findings.items() if finding.level is Level.FAILED}
        assert {"unit", "heartbeat", "rpc"} <= bad
        assert "is stopped" in findings["unit"].sentence
        assert not {"libvirt", "instances-directory", "clock", "network-agent"} & bad
    becomes_sound(world)


def test_stopped_rabbitmq_is_found(world: World, on_node: OnNode) -> None:
    with broken(on_node, "ctl01", "systemctl stop rabbitmq-server", "systemctl start rabbitmq-server"):
        levels = {code: finding.level for code, finding in looked_at(world).items()}
        assert {code for code, level in levels.items() if level is Level.FAILED} >= {"amqp-socket", "heartbeat", "rpc"}
        assert levels["amqp-consumer"] is Level.UNKNOWN
        assert levels["unit"] is Level.OK
    becomes_sound(world)


def test_a_held_node_is_rebooted_released_and_proven_by_a_canary(hand: Hand, on_node: OnNode, fleet: Fleet) -> None:
    """A whole maintenance but for the instances; the canary flies while the node's scheduling is disabled."""
    disable, hold, reboot = DisableScheduling.step(C03, "CHG-6"), HoldUnit.step(C03, "CHG-6"), Reboot.step(C03)
    hand.carry_out(DisableScheduling(), disable)
    hand.carry_out(HoldUnit(), hold)
    receipt = hand.carry_out(Reboot(), reboot)
    assert (receipt.data["state"], receipt.data["newly failed"]) == ("running", [])
    boot = on_node("c03", "cut -d' ' -f22 /proc/1/stat")
    hand.make(Reboot(), dict(hand.memory.changes[reboot.id]))  # as after a kill
    assert on_node("c03", "cut -d' ' -f22 /proc/1/stat") == boot
    assert active(on_node) == "inactive"

    hand.carry_out(VerifyNode(), VerifyNode.step(C03, canary=False, started=False, after=reboot.id))
    hand.carry_out(ReleaseUnit(), ReleaseUnit.step(C03, hold.id))
    verified = hand.carry_out(VerifyNode(), VerifyNode.step(C03, canary=True, after=reboot.id))
    findings: Any = verified.data["findings"]
    assert {f["code"] for f in findings if f["level"] != "ok"} <= {"rpc"}  # slow on a busy machine: a warning
    assert "canary" in {f["code"] for f in findings}
    assert fleet.domains("c03") == {}
    assert fleet.service("c03")["status"] == "disabled"
    hand.carry_out(RestoreScheduling(), RestoreScheduling.step(C03, disable.id))
    assert fleet.service("c03")["status"] == "enabled"
