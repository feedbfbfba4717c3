"""Every check of a compute node, made side by side: facts from nova, RabbitMQ, libvirt and the node, judged by rules.

Nothing is changed but by the canary, which is deleted again. It comes last, and only where the rest is well: a node
that is known not to work needs no instance to prove it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from stackmend.actions import canary
from stackmend.adapters.world import World
from stackmend.domain.finding import Finding, Level
from stackmend.domain.health import Held, Mount, NovaConf, UnitState
from stackmend.domain.node import Role
from stackmend.domain.values import NodeName
from stackmend.errors import StackmendError
from stackmend.facts import (
    amqp,
    directories,
    heartbeat,
    libvirt,
    network,
    nova_conf,
    rpc,
    services,
    strangers,
    time_sync,
    units,
)
from stackmend.rules import verify, verify_host

STEADY_SECONDS = 10.0
"""How long the unit must have been active before it is believed: a crash loop is faster."""

Progress = Callable[[str, float | None], None]
Check = Callable[[], Finding]


@dataclass(frozen=True)
class Asked:
    """What is verified.

    Attributes:
        node: the compute node.
        started: whether nova-compute is to run; where it is held, only the machine beneath it is looked at.
        canary: whether an instance is booted there.
        run: id of the run, for the canary's name.
        before: what the instances' directory lay on before the maintenance; None where that is not known.
        settle: seconds that what was only just started is given before it counts as failed.
    """

    node: NodeName
    started: bool = True
    canary: bool = False
    run: str = "by-hand"
    before: Mount | None = None
    settle: float = 0.0


def look(world: World, asked: Asked, progress: Progress) -> list[Finding]:
    """Make every check and return the findings, always in the same order.

    Raises:
        Failed: SSH_UNREACHABLE and the like, where the node itself cannot be asked anything.
        Refused: NODE_UNKNOWN; NODE_WRONG_ROLE where it has no nova-compute.
    """
    unit = units.find(world, asked.node, units.NOVA_COMPUTE)
    checks = Checks(world, asked, unit, nova_conf.read(world, asked.node), progress)
    wanted = checks.of_service() | checks.of_machine() if asked.started else checks.of_held() | checks.of_machine()
    with ThreadPoolExecutor(len(wanted)) as pool:
        findings = list(pool.map(checks.patiently, wanted, wanted.values()))
    return [*findings, *_canary(world, asked, findings, progress)]


@dataclass(frozen=True)
class Checks:
    """The checks of one node by their codes."""

    world: World
    asked: Asked
    unit: UnitState
    conf: NovaConf
    progress: Progress

    def of_service(self) -> dict[str, Check]:
        """Return the checks of nova-compute itself."""
        return {
            "unit": self._unit,
            "service": self._service,
            "amqp-socket": self._socket,
            "amqp-consumer": self._consumer,
            "amqp-log": self._log,
            "heartbeat": self._heartbeat,
            "rpc": self._rpc,
        }

    def of_held(self) -> dict[str, Check]:
        """Return the check of a nova-compute that must not run."""
        return {"unit": self._held}

    def of_machine(self) -> dict[str, Check]:
        """Return the checks of the machine beneath nova-compute."""
        return {
            "libvirt": self._libvirt,
            "domains": self._domains,
            "network-agent": self._agents,
            "instances-directory": self._directory,
            "clock": self._clock,
        }

    def patiently(self, code: str, check: Check) -> Finding:
        """Make a check anew until it does not fail, or the time to settle is over; return its last finding."""
        findings: list[Finding] = []

        def well() -> Finding | None:
            findings.append(_made(self.asked.node, code, check))
            return findings[-1] if findings[-1].level is not Level.FAILED else None

        return self.world.clock.wait_for(well, timeout=self.asked.settle, interval=2.0) or findings[-1]

    def _unit(self) -> Finding:
        def steady() -> UnitState | None:
            now = units.state(self.world, self.asked.node, self.unit.name)
            age = (self.world.clock.now() - now.since).total_seconds() if now.since is not None else 0.0
            return now if now.active not in {"active", "activating"} or age >= STEADY_SECONDS else None

        seen = self.world.clock.wait_for(steady, timeout=2 * STEADY_SECONDS, interval=2.0)
        return verify.unit(self.asked.node, seen or units.state(self.world, self.asked.node, self.unit.name))

    def _held(self) -> Finding:
        return verify.held_back(self.asked.node, self.unit, self._holder())

    def _holder(self) -> Held | None:
        return units.held_unit(self.world, self.asked.node, self.unit.name)

    def _service(self) -> Finding:
        known = services.compute_services(self.world)
        return verify.service(self.asked.node, next((s for s in known if s.host == self.asked.node), None))

    def _socket(self) -> Finding:
        unit = units.state(self.world, self.asked.node, self.unit.name)
        return verify.amqp_socket(self.asked.node, self.conf, amqp.peers(self.world, self.asked.node, unit))

    def _consumer(self) -> Finding:
        seen = amqp.consumers(self.world, self.asked.node, self.conf.vhost)
        return verify.amqp_consumer(self.asked.node, seen)

    def _log(self) -> Finding:
        return verify.amqp_log(self.asked.node, amqp.log(self.world, self.asked.node, self.unit, self.conf))

    def _heartbeat(self) -> Finding:
        watch = heartbeat.watch(
            self.world,
            self.asked.node,
            interval=self.conf.report_interval,
            wanted=verify.BEATS_WANTED,
            progress=self.progress,
            settle=self.asked.settle,
        )
        return verify.heartbeat(self.asked.node, watch)

    def _rpc(self) -> Finding:
        first = verify.rpc(self.asked.node, rpc.uptime(self.world, self.asked.node))
        if first.level is not Level.WARNING:
            return first
        # The first call after a start pays for queues and connections that are only then set up.
        return verify.rpc(self.asked.node, rpc.uptime(self.world, self.asked.node))

    def _libvirt(self) -> Finding:
        return verify.libvirt(self.asked.node, libvirt.answer(self.world, self.asked.node))

    def _domains(self) -> Finding:
        return verify.strangers(self.asked.node, strangers.on_node(self.world, self.asked.node))

    def _agents(self) -> Finding:
        known = [a for a in network.agents(self.world) if a.host == self.asked.node]
        return verify.network_agents(self.asked.node, known)

    def _directory(self) -> Finding:
        seen = directories.state(self.world, self.asked.node, self.conf.instances_path, self.unit.user)
        return verify_host.directory(self.asked.node, seen, self.asked.before)

    def _clock(self) -> Finding:
        others = [n.name for n in self.world.inventory.with_role(Role.CONTROLLER) if n.name != self.asked.node]
        own = time_sync.reading(self.world, self.asked.node)
        return verify_host.clock(self.asked.node, own, time_sync.readings(self.world, others))


_SUPPORTING = frozenset({"amqp-consumer", "amqp-log", "clock", "domains", "network-agent"})
"""Checks beside which another covers the same ground, so that a node may pass where they cannot be made."""


def _made(node: NodeName, code: str, check: Check) -> Finding:
    """Return a check's finding, or one that says why it could not be made."""
    try:
        return check()
    except StackmendError as error:
        return verify.could_not_ask(code, node, error.sentence, vital=code not in _SUPPORTING)


def _canary(world: World, asked: Asked, findings: list[Finding], progress: Progress) -> list[Finding]:
    if not asked.canary or not asked.started:
        return []
    if world.inventory.canary is None:
        return [verify.no_canary(asked.node)]
    if verify.failing(findings):
        return [verify.canary_spared(asked.node)]
    outcome = canary.fly(world, asked.node, asked.run, lambda sentence: progress(sentence, None))
    return [verify.canary(asked.node, outcome)]
