"""How each service of a cloud is, decided from what was seen of it.

A service is *up* where the one who keeps its heartbeat takes it for alive and its process, where it was seen, runs. It
is *frozen* where its process is there but its heartbeat does not advance, or where the process is stopped by a signal:
it looks well to systemd and does nothing. It is *down* where neither is there. It is *unknown* where its process runs
and nobody could say whether its heartbeat advances.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from stackmend.domain.instance import Instance, NovaService
from stackmend.domain.node import NetworkAgent, Node
from stackmend.domain.overview import (
    CloudFacts,
    Glance,
    NodeRow,
    Overview,
    Process,
    Reading,
    RunGlance,
    ServiceRow,
    ServiceState,
)
from stackmend.domain.values import NodeName

RUNNING = frozenset({"active", "reloading"})
UNWANTED = frozenset({"disabled", "static", "indirect", "generated", "alias", ""})
"""States of a unit's file by which nothing asks for it to run: such a unit is shown only while it does."""
NOVA_HEARTBEATS = frozenset({"nova-compute", "nova-conductor", "nova-scheduler"})


def judge(cloud: str, at: datetime, facts: CloudFacts, runs: tuple[RunGlance, ...] = ()) -> Overview:
    """Return the cloud at a glance.

    Args:
        cloud: its name.
        at: when the facts were gathered.
        facts: what was seen.
        runs: that are open.
    """
    nodes = {node.name: node for node in facts.nodes}
    named = {s.record.host for s in facts.services or ()} | {a.host for a in facts.agents or ()}
    rows = tuple(_node(name, nodes.get(name), facts) for name in sorted(nodes.keys() | named))
    return Overview(cloud, at, rows, facts.ways, facts.unseen, runs, _states(facts.instances or (), NodeName("")))


def _node(name: NodeName, node: Node | None, facts: CloudFacts) -> NodeRow:
    glance = facts.glances.get(name, "" if node else "it is not in the inventory")
    seen = glance if isinstance(glance, Glance) else None
    return NodeRow(
        node=name,
        roles=tuple(sorted(node.roles)) if node else (),
        silent=glance if isinstance(glance, str) else "",
        services=tuple(_services(name, facts, seen)),
        instances=_instances(name, facts.instances, seen),
        held=seen.held if seen else (),
        rescues=tuple(_rescue(name, reading, facts.instances) for reading in (seen.readings if seen else ())),
    )


def _rescue(node: NodeName, reading: Reading, instances: tuple[Instance, ...] | None) -> str:
    record = next((i for i in instances or () if i.id == reading.instance), None)
    name = record.name if record else reading.instance
    if not reading.given_back:
        return f"run {reading.run} reads the disks of {name} on {node}"
    wrong = record is not None and record.vm_state == "suspended"
    return (
        f"{node} has given {name} back by itself at the limit of run {reading.run}"
        + (", and nova calls it suspended although it runs" if wrong else "")
        + f": stackmend runs undo {reading.run}"
    )


def _services(name: NodeName, facts: CloudFacts, glance: Glance | None) -> list[ServiceRow]:
    """Return a row for each heartbeat, then one for each unit that has none."""
    processes = {program(p.unit): p for p in glance.processes} if glance else {}
    nova = [s for s in facts.services or () if s.record.host == name]
    agents = [a for a in facts.agents or () if a.host == name]
    rows = [_nova(s, processes.pop(s.binary, None)) for s in nova]
    rows += [_agent(a, processes.pop(a.binary, None)) for a in agents]
    wanted = [p for p in processes.values() if p.file not in UNWANTED or p.active in RUNNING]
    rows += [_unit(p, keeper=_silent_keeper(program(p.unit), facts)) for p in wanted]
    return sorted(rows, key=lambda row: row.name)


def program(unit: str) -> str:
    """Return the program that a unit runs, whoever packaged it: ``openstack-nova-compute`` is ``nova-compute``."""
    return unit.removeprefix("openstack-")


def _silent_keeper(name: str, facts: CloudFacts) -> str:
    """Return who keeps a program's heartbeat, where that one could not be asked; empty otherwise."""
    if facts.services is None and name in NOVA_HEARTBEATS:
        return "nova"
    if facts.agents is None and (name == "ovn-controller" or name.endswith("-agent")):
        return "neutron"
    return ""


def _nova(service: NovaService, process: Process | None) -> ServiceRow:
    record = service.record
    state, sentence = _alive(process, beats=record.up, keeper="nova")
    if record.forced_down:
        state, sentence = ServiceState.DOWN, "it is forced down"
    return ServiceRow(service.binary, state, sentence, record.enabled, record.reason, record.heartbeat)


def _agent(agent: NetworkAgent, process: Process | None) -> ServiceRow:
    state, sentence = _alive(process, beats=agent.alive, keeper="neutron")
    return ServiceRow(agent.binary or agent.kind, state, sentence, agent.admin_up, "", agent.heartbeat)


def _alive(process: Process | None, *, beats: bool, keeper: str) -> tuple[ServiceState, str]:
    """Decide how a service with a heartbeat is, by its keeper's word and by what systemd says of it."""
    if process is not None and process.stopped_by_signal:
        return ServiceState.FROZEN, "its process is stopped by a signal"
    runs = process is not None and process.active in RUNNING
    if beats and (runs or process is None):
        return ServiceState.UP, ""
    if beats and process is not None:
        return ServiceState.DOWN, f"{_said(process)}; {keeper} has not noticed yet"
    if runs:
        return ServiceState.FROZEN, f"its process runs, but {keeper} gets no heartbeat of it"
    said = f"; {_said(process)}" if process is not None else ""
    return ServiceState.DOWN, f"{keeper} gets no heartbeat of it{said}"


def _unit(process: Process, *, keeper: str) -> ServiceRow:
    """Decide by systemd's word alone.

    Args:
        process: the unit.
        keeper: of its heartbeat, where it has one that could not be asked for.
    """
    name = program(process.unit)
    if process.stopped_by_signal:
        return ServiceRow(name, ServiceState.FROZEN, "its process is stopped by a signal")
    if process.active not in RUNNING:
        return ServiceRow(name, ServiceState.DOWN, _said(process))
    if keeper:
        return ServiceRow(
            name, ServiceState.UNKNOWN, f"its process runs; {keeper} could not be asked for its heartbeat"
        )
    return ServiceRow(name, ServiceState.UP)


def _said(process: Process) -> str:
    masked = " and masked" if process.file.startswith("masked") else ""
    return f"its unit is {process.active}{masked}"


def _instances(name: NodeName, instances: tuple[Instance, ...] | None, glance: Glance | None) -> Mapping[str, int]:
    if instances is not None:
        return _states(instances, name)
    return dict(glance.domains or {}) if glance else {}


def _states(instances: Iterable[Instance], host: NodeName) -> dict[str, int]:
    """Return how many instances on a host are in each state; a task that nova is at counts before the state."""
    return dict(sorted(Counter(i.task_state or i.vm_state for i in instances if i.host == host).items()))
