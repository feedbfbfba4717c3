"""What a compute node must show before it is believed to work: facts in, findings out.

Ready means that it works, not that a process or a port is there. Each check is one sentence with its evidence. A check
that cannot be made is *unknown* where another check covers the same ground, and *failed* where nothing else does.
"""

from __future__ import annotations

from collections.abc import Iterable

from stackmend.domain.finding import Finding, Level
from stackmend.domain.health import (
    AmqpLog,
    CanaryOutcome,
    Consumers,
    HeartbeatWatch,
    Held,
    LibvirtAnswer,
    NovaConf,
    RpcAnswer,
    UnitState,
)
from stackmend.domain.instance import ComputeService, Stranger
from stackmend.domain.node import NetworkAgent
from stackmend.rules.leftovers import by_nova

BEATS_WANTED = 3
"""Values of ``updated_at`` that show two advances: the one found first says nothing."""

SLOW_RPC = 5.0
"""Seconds after which an RPC round trip that came back is a warning: nova's own timeout is 60."""


def unit(node: str, state: UnitState) -> Finding:
    """Judge whether the unit runs, and has not just been restarted by systemd."""
    evidence = {
        "load": state.load,
        "active": f"{state.active} ({state.sub})",
        "main pid": str(state.main_pid),
        "restarts": str(state.restarts),
    }
    level, sentence, hint = _judge_unit(state)
    return Finding("unit", level, sentence, subject=node, hint=hint, evidence=evidence)


def _judge_unit(state: UnitState) -> tuple[Level, str, str]:
    logs = f"Read `journalctl -u {state.name}` on the node."
    if state.load == "not-found":
        return Level.FAILED, f"There is no unit {state.name}.", "Is nova-compute installed there?"
    if state.sub == "auto-restart" or (state.active == "activating" and state.restarts):
        return Level.FAILED, f"{state.name} keeps restarting: {state.restarts} times so far.", logs
    if state.active != "active":
        return Level.FAILED, f"{state.name} is {state.active} ({state.sub}).", logs
    if state.process == "T":
        return Level.FAILED, f"{state.name} is active, but its process {state.main_pid} is stopped.", _CONTINUE
    if state.process == "Z" or not state.main_pid:
        return Level.FAILED, f"{state.name} is active, but has no living main process.", logs
    if state.restarts:
        return Level.WARNING, f"{state.name} is active; systemd restarted it {state.restarts} times.", logs
    return Level.OK, f"{state.name} is active, process {state.main_pid}.", ""


_CONTINUE = "Somebody sent it SIGSTOP: send SIGCONT, or restart the unit."


def held_back(node: str, state: UnitState, held: Held | None) -> Finding:
    """Judge a node whose unit must not run yet."""
    if state.active in {"active", "activating", "reloading"}:
        sentence = f"{state.name} is {state.active}, although it must not run yet."
        return Finding("unit", Level.FAILED, sentence, subject=node, hint="Stop and hold it again.")
    if held is None:
        sentence = f"{state.name} does not run, but nothing holds it."
        return Finding("unit", Level.WARNING, sentence, subject=node, hint="Anything may start it.")
    return Finding("unit", Level.OK, f"{state.name} is {state.active}, held by {held.owner}.", subject=node)


def service(node: str, record: ComputeService | None) -> Finding:
    """Judge nova's record of the service; whether scheduling is disabled is no fault."""
    if record is None:
        sentence = f"Nova has no nova-compute service on {node}."
        return Finding("service", Level.FAILED, sentence, subject=node, hint="Was its record deleted?")
    scheduling = "enabled" if record.enabled else f"disabled ({record.reason or 'no reason given'})"
    evidence = {"heartbeat": record.heartbeat.isoformat() if record.heartbeat else "never", "scheduling": scheduling}
    if record.forced_down:
        sentence = f"Somebody forced the service on {node} down."
        hint = f"When it is sound: `openstack compute service set --up {node} nova-compute`."
        return Finding("service", Level.FAILED, sentence, subject=node, hint=hint, evidence=evidence)
    if not record.up:
        sentence = f"Nova takes nova-compute on {node} for down."
        hint = "Look at the findings on its heartbeat and AMQP."
        return Finding("service", Level.FAILED, sentence, subject=node, hint=hint, evidence=evidence)
    return Finding("service", Level.OK, f"Nova takes nova-compute on {node} for up.", subject=node, evidence=evidence)


def amqp_socket(node: str, conf: NovaConf, peers: Iterable[str]) -> Finding:
    """Judge whether the service's processes hold a connection to a broker of its ``transport_url``.

    Args:
        node: the compute node.
        conf: its options.
        peers: ``address:port`` of established connections of the service's processes.
    """
    evidence = {"transport_url": ", ".join(conf.rabbits), "virtual host": conf.vhost}
    if not conf.rabbits:
        sentence = "No transport_url was found in the node's nova configuration."
        return Finding("amqp-socket", Level.UNKNOWN, sentence, subject=node)
    found = [p for p in peers if int(p.rpartition(":")[2] or 0) in conf.ports]
    if not found:
        sentence = f"nova-compute has no connection to RabbitMQ ({', '.join(conf.rabbits)})."
        hint = "Is RabbitMQ up and reachable from the node? If so, restart nova-compute."
        return Finding("amqp-socket", Level.FAILED, sentence, subject=node, hint=hint, evidence=evidence)
    servers = ", ".join(sorted(set(found)))
    sentence = f"nova-compute holds {len(found)} connections to RabbitMQ ({servers})."
    return Finding("amqp-socket", Level.OK, sentence, subject=node, evidence=evidence)


def amqp_consumer(node: str, seen: Consumers) -> Finding:
    """Judge whether somebody consumes the queue that nova's calls to this node go to."""
    if seen.silent:
        sentence = f"RabbitMQ could not be asked who consumes {seen.queue}: {_full(seen.silent)}"
        return Finding("amqp-consumer", Level.UNKNOWN, sentence, subject=node)
    evidence = {"asked": seen.witness}
    if not seen.count:
        what = "has no consumer" if seen.count == 0 else "does not exist"
        hint = "nova-compute is not listening: restart it."
        sentence = f"Queue {seen.queue} {what}."
        return Finding("amqp-consumer", Level.FAILED, sentence, subject=node, hint=hint, evidence=evidence)
    sentence = f"Queue {seen.queue} has {seen.count} consumer{'s' if seen.count > 1 else ''}."
    return Finding("amqp-consumer", Level.OK, sentence, subject=node, evidence=evidence)


def amqp_log(node: str, log: AmqpLog) -> Finding:
    """Judge the log line that the operations guide greps for.

    oslo.messaging writes "Connected to AMQP server" at debug level, "Reconnected to AMQP server" at info and
    "AMQP server … is unreachable" at error, so that silence is the normal case and only a complaint says something.
    """
    if not log.readable:
        sentence = "nova-compute's log could not be read for its words on AMQP."
        return Finding("amqp-log", Level.UNKNOWN, sentence, subject=node)
    if not log.line:
        sentence = "nova-compute's log has no complaint about AMQP since it started."
        return Finding("amqp-log", Level.OK, sentence, subject=node)
    if "onnected to AMQP" in log.line:
        sentence = "nova-compute's last word on AMQP in its log is that it is connected."
        return Finding("amqp-log", Level.OK, sentence, subject=node, evidence={"line": log.line})
    sentence = "nova-compute's last word on AMQP in its log is a complaint."
    hint = "The socket and the consumer say whether it still holds."
    return Finding("amqp-log", Level.WARNING, sentence, subject=node, hint=hint, evidence={"line": log.line})


def heartbeat(node: str, watch: HeartbeatWatch) -> Finding:
    """Judge whether the heartbeat that nova records advanced twice: once may be a leftover of before."""
    advances = max(0, len(watch.beats) - 1)
    evidence = {
        "beats": ", ".join(f"{b:%H:%M:%S}" for b in watch.beats),
        "report_interval": f"{watch.interval} s",
    }
    if len(watch.beats) >= BEATS_WANTED:
        sentence = f"The heartbeat advanced twice within {watch.waited:.0f} s."
        return Finding("heartbeat", Level.OK, sentence, subject=node, evidence=evidence)
    times = "did not advance" if not advances else "advanced only once"
    sentence = f"The heartbeat {times} in {watch.waited:.0f} s, with one due every {watch.interval} s."
    hint = "A process that lives and does not beat is wedged, or cannot reach RabbitMQ or nova-conductor: restart it."
    return Finding("heartbeat", Level.FAILED, sentence, subject=node, hint=hint, evidence=evidence)


def rpc(node: str, answer: RpcAnswer) -> Finding:
    """Judge the call that went from nova-api through RabbitMQ to that nova-compute and back."""
    evidence = {"request id": answer.request_id} if answer.request_id else {}
    if answer.error or not answer.answer:
        why = _full(answer.error or "the answer was empty")
        sentence = f"nova-compute did not answer over RPC in {answer.seconds:.1f} s: {why}"
        hint = "Look at the findings on AMQP and the heartbeat."
        return Finding("rpc", Level.FAILED, sentence, subject=node, hint=hint, evidence=evidence)
    evidence["uptime"] = answer.answer
    if answer.seconds > SLOW_RPC:
        sentence = f"nova-compute answered over RPC, but only after {answer.seconds:.1f} s."
        return Finding("rpc", Level.WARNING, sentence, subject=node, hint="Is the node busy?", evidence=evidence)
    sentence = f"nova-compute answered over RPC in {answer.seconds:.2f} s."
    return Finding("rpc", Level.OK, sentence, subject=node, evidence=evidence)


def libvirt(node: str, answer: LibvirtAnswer) -> Finding:
    """Judge whether libvirt lists its domains."""
    if answer.domains is None:
        daemon = f"{answer.daemon} is active, but " if answer.daemon else "No libvirt daemon is active, and "
        sentence = f"{daemon}virsh got no answer: {_full(answer.error)}"
        hint = "Read `journalctl -u libvirtd -u virtqemud` on the node."
        return Finding("libvirt", Level.FAILED, sentence, subject=node, hint=hint)
    sentence = f"libvirt answers ({answer.daemon or 'socket-activated'}); it has {answer.domains} domains."
    return Finding("libvirt", Level.OK, sentence, subject=node)


def strangers(node: str, found: Iterable[Stranger]) -> Finding:
    """Judge whether libvirt has on the node only what nova has there; what runs and is not nova's may run twice."""
    known = sorted(found, key=lambda one: not one.domain.is_active)
    if not known:
        return Finding("domains", Level.OK, f"Nova has on {node} every domain that libvirt has there.", subject=node)
    sentence = f"Libvirt has on {node} what nova does not have there: {'; '.join(map(_stranger, known))}."
    hint = "Find out where it is to be before anybody starts it elsewhere; `virsh destroy ID` ends it on the node."
    level = Level.FAILED if known[0].domain.is_active else Level.WARNING
    return Finding("domains", level, sentence, subject=node, hint=hint)


def _stranger(one: Stranger) -> str:
    name = one.record.name if one.record else one.domain.name
    return f"{name} ({one.domain.uuid}) is {one.domain.state}, and {by_nova(one.record)}"


def network_agents(node: str, agents: Iterable[NetworkAgent]) -> Finding:
    """Judge whether neutron takes each of the node's agents for alive."""
    known = tuple(agents)
    names = ", ".join(sorted(a.kind for a in known))
    dead = sorted(a.kind for a in known if not a.alive)
    off = sorted(a.kind for a in known if not a.admin_up)
    if not known:
        sentence = f"Neutron knows no agent on {node}."
        hint = "With ML2/OVN the node's OVN Controller agent should be there."
        return Finding("network-agent", Level.UNKNOWN, sentence, subject=node, hint=hint)
    if dead:
        sentence = f"Neutron takes {', '.join(dead)} on {node} for dead."
        hint = "Look at ovn-controller or the neutron agents on the node."
        return Finding("network-agent", Level.FAILED, sentence, subject=node, hint=hint)
    if off:
        sentence = f"{', '.join(off)} on {node} is set administratively down."
        return Finding("network-agent", Level.WARNING, sentence, subject=node)
    return Finding("network-agent", Level.OK, f"Neutron takes {names} on {node} for alive.", subject=node)


def canary(node: str, outcome: CanaryOutcome) -> Finding:
    """Judge the instance that was booted on the node and deleted."""
    evidence = {"instance": outcome.instance, "came to": outcome.stage}
    if outcome.error:
        sentence = f"The canary instance failed after it was {outcome.stage}: {_full(outcome.error)}"
        hint = f"{outcome.left} is still there: delete it by hand." if outcome.left else ""
        return Finding("canary", Level.FAILED, sentence, subject=node, hint=hint, evidence=evidence)
    sentence = f"A canary instance ran on {node} after {outcome.seconds:.0f} s and is gone again."
    return Finding("canary", Level.OK, sentence, subject=node, evidence=evidence)


def no_canary(node: str) -> Finding:
    """Return the finding for an inventory that does not say what a canary is made of."""
    sentence = "No canary instance was booted: the inventory names no flavor, image and network for one."
    return Finding("canary", Level.UNKNOWN, sentence, subject=node, hint="Set `canary` in the inventory.")


def canary_spared(node: str) -> Finding:
    """Return the finding for a node that is known not to work without a canary."""
    sentence = "No canary instance was booted: the other checks say enough."
    return Finding("canary", Level.UNKNOWN, sentence, subject=node)


def could_not_ask(code: str, node: str, why: str, *, vital: bool) -> Finding:
    """Return the finding for a check whose facts could not be had.

    Args:
        code: of the check.
        node: the compute node.
        why: the error's sentence.
        vital: whether nothing else covers the same ground, so that the node must not pass.
    """
    level = Level.FAILED if vital else Level.UNKNOWN
    return Finding(code, level, f"This could not be checked: {_full(why)}", subject=node)


def failing(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return those that forbid taking the node for sound."""
    return tuple(f for f in findings if f.level is Level.FAILED)


def _full(words: str) -> str:
    """Return words that end as a sentence does."""
    return words if words.endswith((".", "!", "?")) else f"{words}."
