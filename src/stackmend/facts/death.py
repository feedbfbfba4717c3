"""Every witness of a compute node's life, asked side by side: nova, the node itself, other nodes, neutron."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from stackmend.adapters.ssh import Completed
from stackmend.adapters.world import World
from stackmend.domain.death import DeathFacts, Echo, NovaSeen, PowerSeen, ShellSeen
from stackmend.domain.instance import ComputeService
from stackmend.domain.node import NetworkAgent, Node, Role
from stackmend.domain.overview import RunGlance
from stackmend.domain.power import Power
from stackmend.domain.values import NodeName
from stackmend.errors import StackmendError
from stackmend.facts import glances, network, nova_database, services, stirring, volume_watchers
from stackmend.facts.overview import ASKERS_FAULT

PEERS = 4
"""Other nodes that are asked to ping, so that two can answer where two are down themselves."""

UNITS = ("dbus", "neutron-openvswitch-agent", "neutron-ovn-metadata-agent")
"""Units of a compute node that matter here, besides those of a glance."""

_UNANSWERED = 1
"""ping's exit status where nothing came back; other errors of its own have others."""


@dataclass(frozen=True)
class Care:
    """How long the witnesses are given.

    Attributes:
        reply: seconds that the node is given to answer over SSH.
        ping: seconds that a ping from a peer may take.
        reach: seconds that reaching the peer may take on top of that.
        listen: seconds that nova's record is watched for a heartbeat, and shared storage for writes, where the node
            does not answer, or nova takes it for dead; more than nova's report interval, which is 10 by default.
        agents: whether neutron is asked too.
    """

    reply: float = 20.0
    ping: int = 4
    reach: float = 20.0
    listen: float = 15.0
    agents: bool = True


THOROUGH = Care()
BRIEF = Care(reply=3.0, ping=2, reach=3.0, listen=0.0, agents=False)
"""For looks that are repeated."""


@dataclass(frozen=True)
class Heard:
    """What nova says of all its nova-computes.

    Attributes:
        records: all of them; none where nova could not be asked.
        way: by which way: ``nova-api`` or ``database``.
        silent: why nova could not be asked; empty where it could.
    """

    records: tuple[ComputeService, ...]
    way: str = "nova-api"
    silent: str = ""


def gather(
    world: World,
    node: NodeName,
    *,
    runs: Sequence[RunGlance] = (),
    care: Care = THOROUGH,
    nova: NovaSeen | None = None,
    peers: Sequence[NodeName] = (),
) -> DeathFacts:
    """Return what every witness says of a node now.

    Args:
        world: the cloud.
        node: of the inventory.
        runs: open runs of stackmend; those on other nodes are left aside.
        care: how long the witnesses are given.
        nova: what nova says of the node, where that is known already.
        peers: who is asked to ping it; none for ``peers_of``.

    Raises:
        Failed: AUTH_FAILED, TOKEN_EXPIRED: the asker's own fault.
    """
    at = world.clock.now()
    asked = peers or peers_of(world, node)
    with ThreadPoolExecutor(6) as pool:
        of_nova = pool.submit(lambda: nova or seen(heard(world), node))
        of_shell = pool.submit(shells, world, (world.inventory.nodes[node],), care.reply)
        of_peers = pool.submit(echoes, world, node, asked, care)
        of_neutron = pool.submit(lambda: _agents(world, node) if care.agents else None)
        of_controller = pool.submit(power, world, node)
        beats, shell = of_nova.result(), of_shell.result()[node]
        silent = shell.glance is None and care.listen > 0
        of_storage = pool.submit(stirring.stirs, world, node, int(care.listen)) if silent else None
        patience = volume_watchers.KEPT if silent else 0.0
        of_volumes = (
            pool.submit(volume_watchers.look, world, node, asked, patience=patience) if care.listen > 0 else None
        )
        if _quiet(beats, shell):
            beats = _listened(world, node, beats, care.listen)
        return DeathFacts(
            node=node,
            at=at,
            nova=beats,
            shell=shell,
            echoes=of_peers.result(),
            power=of_controller.result(),
            stirs=(
                *(of_storage.result() if of_storage is not None else ()),
                *((of_volumes.result(),) if of_volumes is not None else ()),
            ),
            agents=of_neutron.result(),
            runs=tuple(run for run in runs if run.subject == node),
        )


def heard(world: World) -> Heard:
    """Return nova's record of every nova-compute: by its API, or by its database where that does not answer.

    Raises:
        Failed: AUTH_FAILED, TOKEN_EXPIRED: the asker's own fault.
    """
    try:
        return Heard(services.compute_services(world))
    except StackmendError as error:
        if error.code in ASKERS_FAULT:
            raise
        api = error.sentence
    try:
        every = nova_database.services(world)
    except StackmendError as error:
        return Heard((), silent=f"{api}; {error.sentence}")
    return Heard(tuple(s.record for s in every if s.binary == services.COMPUTE), way="database")


def seen(heard: Heard, node: NodeName) -> NovaSeen:
    """Return what nova says of one node, and of the others by comparison."""
    record = next((r for r in heard.records if r.host == node), None)
    others = [r for r in heard.records if r.host != node and r.enabled and not r.forced_down]
    return NovaSeen(
        record=record,
        beats=(record.heartbeat,) if record is not None and record.heartbeat is not None else (),
        others=len(others),
        others_up=sum(r.up for r in others),
        way=heard.way,
        silent=heard.silent,
    )


def _quiet(nova: NovaSeen, shell: ShellSeen) -> bool:
    """Return whether one heartbeat more would tell something: the node is silent, or nova takes it for dead."""
    return nova.record is not None and (shell.glance is None or not nova.record.up)


def _listened(world: World, node: NodeName, nova: NovaSeen, seconds: float) -> NovaSeen:
    """Watch nova's record for a while; one heartbeat more proves that nova-compute lives."""
    if seconds <= 0:
        return nova
    began = world.clock.monotonic()

    def advance() -> NovaSeen | None:
        now = seen(heard(world), node)
        new = [beat for beat in now.beats if not nova.beats or beat > nova.beats[-1]]
        return replace(now, beats=(*nova.beats, *new)) if new else None

    heard_now = world.clock.wait_for(advance, timeout=seconds, interval=2.0) or nova
    return replace(heard_now, listened=world.clock.monotonic() - began)


def shells(world: World, nodes: Sequence[Node], patience: float) -> dict[NodeName, ShellSeen]:
    """Return what each node shows of itself within ``patience`` seconds, or why it shows nothing."""
    scripts = {node.name: glances.script(node, also=UNITS) for node in nodes}
    answers = world.ssh.run_many(scripts, timeout=glances.SECONDS, within=patience)
    return {name: _shell(answer) for name, answer in answers.items()}


def _shell(answer: Completed | StackmendError) -> ShellSeen:
    if isinstance(answer, StackmendError):
        return ShellSeen(None, answer.sentence, answer.code)
    return ShellSeen(glances.parse(answer.stdout))


def peers_of(world: World, node: NodeName) -> tuple[NodeName, ...]:
    """Return who is asked to ping a node: controllers first, since they hear everybody, then compute nodes."""
    others = [n for n in world.inventory.nodes.values() if n.name != node]
    ranked = sorted(others, key=lambda n: (Role.CONTROLLER not in n.roles, Role.COMPUTE not in n.roles, n.name))
    return tuple(n.name for n in ranked[:PEERS])


def echoes(world: World, node: NodeName, peers: Sequence[NodeName], care: Care) -> tuple[Echo, ...]:
    """Return what comes of pinging a node's address from its peers, all at once."""
    address = world.inventory.nodes[node].ssh.address
    script = f"command -v ping >/dev/null || exit 127; ping -n -q -c 3 -i 0.3 -w {care.ping} -- {shlex.quote(address)}"
    scripts, seconds = dict.fromkeys(peers, script), care.ping + care.reach
    answers = world.ssh.run_many(scripts, timeout=seconds, check=False, within=seconds)
    return tuple(_echo(peer, address, answer) for peer, answer in answers.items())


def _echo(peer: NodeName, address: str, answer: Completed | StackmendError) -> Echo:
    if isinstance(answer, StackmendError):
        return Echo(peer, address, silent=answer.sentence)
    counted = next((line.strip() for line in answer.stdout.splitlines() if "transmitted" in line), "")
    if answer.status not in {0, _UNANSWERED}:
        return Echo(peer, address, silent=f"ping on {peer} ended with status {answer.status}")
    return Echo(peer, address, answered=answer.status == 0, says=counted)


def power(world: World, node: NodeName) -> PowerSeen | None:
    """Return what a node's power controller reads back; None where the inventory names none."""
    if world.inventory.nodes[node].power is None:
        return None
    try:
        state = world.power.state(node)
    except StackmendError as error:
        return PowerSeen(Power.UNKNOWN, silent=error.sentence)
    return PowerSeen(state, f"{world.power.describe(node)} says {state}")


def _agents(world: World, node: NodeName) -> tuple[NetworkAgent, ...] | None:
    """Return neutron's agents on a node; None where neutron could not be asked."""
    try:
        return tuple(agent for agent in network.agents(world) if agent.host == node)
    except StackmendError as error:
        if error.code in ASKERS_FAULT:
            raise
        return None
