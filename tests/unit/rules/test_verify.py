"""What a node must show: every check well once, and failing for each of its reasons."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stackmend.domain.finding import Finding, Level
from stackmend.domain.health import (
    AmqpLog,
    CanaryOutcome,
    ClockReading,
    Consumers,
    DirectoryState,
    HeartbeatWatch,
    Held,
    LibvirtAnswer,
    Mount,
    NovaConf,
    RpcAnswer,
    UnitState,
)
from stackmend.domain.instance import ComputeService, Domain, Instance, Stranger
from stackmend.domain.node import NetworkAgent
from stackmend.domain.values import InstanceId, NodeName
from stackmend.rules import verify, verify_host

NODE = NodeName("c01")
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
RUNNING = UnitState("nova-compute.service", "loaded", "active", "running", main_pid=42, pids=(42,), process="S")
STOPPED = replace(RUNNING, active="inactive", sub="dead", main_pid=0, pids=(), process="")
INSTANCE = Instance(InstanceId("i"), "web-1", NODE, "active")
HELD = Held(
    "nova-compute.service", "r-1", "kernel", "2026-11-22T12:00:00+00:00", "root@ops1", "active", "enabled", masked=False
)
UP = ComputeService("id", NODE, enabled=False, reason="stackmend r-1", up=True, forced_down=False, heartbeat=NOON)
CONF = NovaConf(("ctl01:5672", "ctl02:5671"), "/", 10, "/var/lib/nova/instances", "/var/log/nova/nova-compute.log")
NFS = Mount("/var/lib/nova/instances", "nas:/instances", "nfs4")
SHARED = DirectoryState(NFS.target, NFS, user="nova", writable=True, free=2**40)


def level(finding: Finding) -> Level:
    assert finding.subject == NODE
    assert finding.sentence.endswith(".")
    return finding.level


@pytest.mark.parametrize(
    ("state", "expected", "words"),
    [
        (RUNNING, Level.OK, "is active, process 42"),
        (replace(RUNNING, restarts=2), Level.WARNING, "restarted it 2 times"),
        (STOPPED, Level.FAILED, "is inactive (dead)"),
        (replace(STOPPED, active="failed", sub="failed"), Level.FAILED, "is failed"),
        (replace(STOPPED, active="activating", sub="auto-restart", restarts=7), Level.FAILED, "keeps restarting: 7"),
        (replace(RUNNING, process="T"), Level.FAILED, "process 42 is stopped"),
        (replace(RUNNING, process="Z"), Level.FAILED, "no living main process"),
        (replace(RUNNING, main_pid=0), Level.FAILED, "no living main process"),
        (replace(STOPPED, load="not-found"), Level.FAILED, "There is no unit"),
    ],
)
def test_unit(state: UnitState, expected: Level, words: str) -> None:
    finding = verify.unit(NODE, state)
    assert level(finding) is expected
    assert words in finding.sentence


@pytest.mark.parametrize(
    ("state", "held", "expected"),
    [(STOPPED, HELD, Level.OK), (STOPPED, None, Level.WARNING), (RUNNING, HELD, Level.FAILED)],
)
def test_a_unit_that_must_not_run(state: UnitState, held: Held | None, expected: Level) -> None:
    assert level(verify.held_back(NODE, state, held)) is expected


@pytest.mark.parametrize(
    ("record", "expected", "words"),
    [
        (UP, Level.OK, "for up"),
        (replace(UP, enabled=True), Level.OK, "for up"),
        (replace(UP, up=False), Level.FAILED, "for down"),
        (replace(UP, up=False, forced_down=True), Level.FAILED, "forced"),
        (None, Level.FAILED, "no nova-compute service"),
    ],
)
def test_service(record: ComputeService | None, expected: Level, words: str) -> None:
    finding = verify.service(NODE, record)
    assert level(finding) is expected
    assert words in finding.sentence


@pytest.mark.parametrize(
    ("conf", "peers", "expected"),
    [
        (CONF, ["192.0.2.1:5672", "192.0.2.9:3306"], Level.OK),
        (CONF, ["[2001:db8::1]:5671"], Level.OK),
        (CONF, ["192.0.2.9:3306"], Level.FAILED),
        (CONF, [], Level.FAILED),
        (replace(CONF, rabbits=()), ["192.0.2.1:5672"], Level.UNKNOWN),
    ],
)
def test_amqp_socket(conf: NovaConf, peers: list[str], expected: Level) -> None:
    assert level(verify.amqp_socket(NODE, conf, peers)) is expected


@pytest.mark.parametrize(
    ("seen", "expected", "words"),
    [
        (Consumers("compute.c01", 1, "ctl01"), Level.OK, "has 1 consumer."),
        (Consumers("compute.c01", 0, "ctl01"), Level.FAILED, "has no consumer"),
        (Consumers("compute.c01", None, "ctl01"), Level.FAILED, "does not exist"),
        (Consumers("compute.c01", None, silent="ctl01 does not answer"), Level.UNKNOWN, "ctl01 does not answer"),
    ],
)
def test_amqp_consumer(seen: Consumers, expected: Level, words: str) -> None:
    finding = verify.amqp_consumer(NODE, seen)
    assert level(finding) is expected
    assert words in finding.sentence


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (AmqpLog(), Level.OK),
        (AmqpLog("INFO oslo.messaging Reconnected to AMQP server on ctl01:5672"), Level.OK),
        (AmqpLog("ERROR oslo.messaging AMQP server on ctl01:5672 is unreachable"), Level.WARNING),
        (AmqpLog(readable=False), Level.UNKNOWN),
    ],
)
def test_amqp_log_alone_never_fails_a_node(log: AmqpLog, expected: Level) -> None:
    assert level(verify.amqp_log(NODE, log)) is expected


@pytest.mark.parametrize(
    ("beats", "expected", "words"),
    [
        (3, Level.OK, "advanced twice"),
        (2, Level.FAILED, "advanced only once"),
        (1, Level.FAILED, "did not advance"),
        (0, Level.FAILED, "did not advance"),
    ],
)
def test_heartbeat(beats: int, expected: Level, words: str) -> None:
    seen = tuple(NOON + timedelta(seconds=10 * n) for n in range(beats))
    finding = verify.heartbeat(NODE, HeartbeatWatch(seen, 35.0, 35.0, 10))
    assert level(finding) is expected
    assert words in finding.sentence


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (RpcAnswer(0.1, "up 3 days"), Level.OK),
        (RpcAnswer(9.0, "up 3 days"), Level.WARNING),
        (RpcAnswer(20.0, error="no answer in time"), Level.FAILED),
        (RpcAnswer(0.1), Level.FAILED),
    ],
)
def test_rpc(answer: RpcAnswer, expected: Level) -> None:
    assert level(verify.rpc(NODE, answer)) is expected


@pytest.mark.parametrize(
    ("answer", "expected", "words"),
    [
        (LibvirtAnswer(0, "libvirtd"), Level.OK, "it has 0 domains"),
        (LibvirtAnswer(3), Level.OK, "socket-activated"),
        (LibvirtAnswer(None, error="Connection refused"), Level.FAILED, "No libvirt daemon is active"),
        (LibvirtAnswer(None, "libvirtd", "no answer in 15 s"), Level.FAILED, "libvirtd is active, but"),
    ],
)
def test_libvirt(answer: LibvirtAnswer, expected: Level, words: str) -> None:
    finding = verify.libvirt(NODE, answer)
    assert level(finding) is expected
    assert words in finding.sentence


def agent(kind: str, *, alive: bool, admin_up: bool) -> NetworkAgent:
    return NetworkAgent(kind, "", NODE, alive, admin_up, NOON)


@pytest.mark.parametrize(
    ("agents", "expected"),
    [
        ([agent("OVN Controller agent", alive=True, admin_up=True)], Level.OK),
        ([agent("OVN Controller agent", alive=False, admin_up=True)], Level.FAILED),
        ([agent("L3 agent", alive=True, admin_up=False)], Level.WARNING),
        ([], Level.UNKNOWN),
    ],
)
def test_network_agents(agents: list[NetworkAgent], expected: Level) -> None:
    assert level(verify.network_agents(NODE, agents)) is expected


@pytest.mark.parametrize(
    ("seen", "before", "expected", "words"),
    [
        (SHARED, NFS, Level.OK, "nova can write"),
        (SHARED, None, Level.OK, "1024 GiB free"),
        (replace(SHARED, mount=None, error="there is no directory"), None, Level.FAILED, "could not be looked at"),
        (replace(SHARED, missing=(NFS.target,)), None, Level.FAILED, "in fstab and not mounted"),
        (replace(SHARED, mount=Mount("/", "/dev/sda1", "ext4")), NFS, Level.FAILED, "before and is not now"),
        (replace(SHARED, mount=replace(NFS, source="other:/instances")), NFS, Level.FAILED, "before and is not now"),
        (replace(SHARED, writable=False, error="Read-only file system"), NFS, Level.FAILED, "nova cannot write"),
    ],
)
def test_directory(seen: DirectoryState, before: Mount | None, expected: Level, words: str) -> None:
    finding = verify_host.directory(NODE, seen, before)
    assert level(finding) is expected
    assert words in finding.sentence


def test_a_local_disk_may_be_named_otherwise_after_a_reboot() -> None:
    before = Mount("/var/lib/nova", "/dev/sdb1", "xfs")
    now = replace(SHARED, mount=replace(before, source="/dev/sda1"))
    assert verify_host.directory(NODE, now, before).level is Level.OK


@pytest.mark.parametrize(
    ("own", "controllers", "expected", "words"),
    [
        (0.02, [0.01], Level.OK, "in step"),
        (-0.9, [0.0], Level.OK, "in step"),
        (1.5, [0.0], Level.WARNING, "off the controllers'"),
        (-7.0, [0.0], Level.FAILED, "off the controllers'"),
        (30.0, [30.0], Level.WARNING, "off this machine's"),
        (7.0, [], Level.FAILED, "off this machine's"),
    ],
)
def test_clock(own: float, controllers: list[float], expected: Level, words: str) -> None:
    others = [ClockReading(NodeName(f"ctl0{n}"), offset, 0.01) for n, offset in enumerate(controllers)]
    finding = verify_host.clock(NODE, ClockReading(NODE, own, 0.01), others)
    assert level(finding) is expected
    assert words in finding.sentence


def test_a_slow_connection_excuses_a_clock_as_far_as_it_blurs_it() -> None:
    finding = verify_host.clock(NODE, ClockReading(NODE, 1.2, 0.5), [])
    assert finding.level is Level.OK


def test_a_clock_that_cannot_be_read_is_unknown() -> None:
    own = ClockReading(NODE, 0.0, 0.0, silent="no answer")
    assert verify_host.clock(NODE, own, []).level is Level.UNKNOWN


@pytest.mark.parametrize(
    ("outcome", "expected", "words"),
    [
        (CanaryOutcome(InstanceId("i"), "gone", 12.0), Level.OK, "after 12 s"),
        (CanaryOutcome(InstanceId("i"), "asked for", error="No valid host"), Level.FAILED, "asked for: No valid host"),
    ],
)
def test_canary(outcome: CanaryOutcome, expected: Level, words: str) -> None:
    finding = verify.canary(NODE, outcome)
    assert level(finding) is expected
    assert words in finding.sentence


def test_a_canary_that_cannot_be_deleted_is_named() -> None:
    outcome = CanaryOutcome(
        InstanceId("i"), "running", 9.0, error="libvirt has it still", left="stackmend-canary-r-1-c01"
    )
    assert "stackmend-canary-r-1-c01" in verify.canary(NODE, outcome).hint


def test_no_canary_configured_is_unknown_with_a_hint() -> None:
    finding = verify.no_canary(NODE)
    assert finding.level is Level.UNKNOWN
    assert finding.hint


def test_only_failed_findings_forbid() -> None:
    findings = [
        verify.unit(NODE, RUNNING),
        verify.no_canary(NODE),
        verify.could_not_ask("amqp-log", NODE, "no answer", vital=False),
        verify.could_not_ask("heartbeat", NODE, "nova-api is down", vital=True),
    ]
    assert [f.code for f in verify.failing(findings)] == ["heartbeat"]


@pytest.mark.parametrize(
    ("state", "on", "expected", "words"),
    [
        ("running", "c02", Level.FAILED, "is running, and nova has it active on c02"),
        ("paused", None, Level.FAILED, "is paused, and nova does not have it"),
        ("shut off", "", Level.WARNING, "is shut off, and nova has it active on no node"),
        ("shut off", None, Level.WARNING, "instance-1 (i) is shut off, and nova does not have it"),
    ],
)
def test_domains(state: str, on: str | None, expected: Level, words: str) -> None:
    record = replace(INSTANCE, host=NodeName(on)) if on is not None else None
    idle = Stranger(Domain(InstanceId("other"), "instance-2", "shut off"), None)
    finding = verify.strangers(NODE, [idle, Stranger(Domain(InstanceId("i"), "instance-1", state), record)])
    assert level(finding) is expected
    assert words in finding.sentence
    assert level(verify.strangers(NODE, [])) is Level.OK
