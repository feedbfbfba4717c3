"""Instances as rows and as data, and what a diagnosis found."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from stackmend.actions.diagnosis import diagnose
from stackmend.adapters.world import World
from stackmend.cli.plans import compute_node
from stackmend.domain.instance import Domain, Instance
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, Failed, StackmendError
from stackmend.facts import domains, instances
from stackmend.facts.concurrently import each
from stackmend.facts.was_running import NodePower, gather
from stackmend.render.instances import show_diagnosis
from stackmend.rules.location import locate
from stackmend.rules.was_running import Ran, judge

COLUMNS = ("instance", "id", "node", "state", "task", "power", "libvirt", "fault")
RAN_COLUMNS = ("instance", "id", "node", "state", "libvirt", "was_running")
ACTIONS = 5
"""How many of the last actions are shown."""

Domains = Mapping[NodeName, Mapping[InstanceId, Domain] | StackmendError]


def rows(world: World, node: str, *, was_running: bool) -> list[dict[str, Any]]:
    """Return a row for each instance, of one node or of all; with ``was_running`` of those that ran and do not."""
    names = [compute_node(world, node).name] if node else None
    if was_running:
        return list(_ran(world, names or _hosts(instances.everywhere(world))))
    found = instances.on_node(world, names[0]) if names else instances.everywhere(world)
    there = domains.on_nodes(world, [host for host in _hosts(found) if host in world.inventory.nodes])
    return [_row(i, _libvirt(there, i)) for i in found]


def _ran(world: World, nodes: list[NodeName]) -> Iterator[dict[str, Any]]:
    known = [node for node in nodes if node in world.inventory.nodes]
    for power in each(lambda node: gather(world, node), known).values():
        for one in power.instances:
            domain, ran = power.domains.get(one.id), ran_before(power, one)
            if ran.was:
                state = domain.state if domain else "not there"
                yield {**_row(one, state), "was_running": ran.sentence}


def ran_before(power: NodePower, instance: Instance) -> Ran:
    """Return whether an instance ran before its node went down."""
    actions = power.actions.get(instance.id, ())
    return judge(instance, power.domains.get(instance.id), actions, power.down)


def _hosts(found: tuple[Instance, ...]) -> list[NodeName]:
    return sorted({i.host for i in found if i.host})


def _libvirt(there: Domains, instance: Instance) -> str:
    answer = there.get(instance.host)
    if answer is None or isinstance(answer, StackmendError):
        return "not asked" if answer is None else "silent"
    domain = answer.get(instance.id)
    return domain.state if domain else "not there"


def _row(instance: Instance, libvirt: str) -> dict[str, Any]:
    return {
        "instance": instance.name,
        "id": instance.id,
        "node": instance.host,
        "state": instance.vm_state,
        "task": instance.task_state,
        "power": instance.power_state.name.lower(),
        "libvirt": libvirt,
        "fault": instance.fault,
    }


def everything(world: World, name: str) -> dict[str, Any]:
    """Return all that is known of one instance, JSON-ready; what could not be asked says so."""
    facts, causes = diagnose(world, instances.resolve(world, name))
    host = facts.host
    record = {key: value for key, value in asdict(facts.instance).items() if key != "resources"}
    shown = {
        "nova": {**record, "power_state": facts.instance.power_state.name.lower()},
        "place": locate(facts.witnesses).sentence,
        "witnesses": {w.name: w.silent or w.says for w in facts.witnesses},
        "libvirt": {"silent": facts.silent} if host is None else _domain_data(asdict(host)),
        "ports": "neutron could not be asked" if facts.ports is None else [asdict(p) for p in facts.ports],
        "image": facts.image,
        "actions": [asdict(action) for action in facts.actions[:ACTIONS]],
        "last failure": facts.failure,
        "causes": [cause.to_json() for cause in causes],
    }
    data: dict[str, Any] = json.loads(json.dumps(shown, default=_plain))
    return data


def _domain_data(host: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in host.items() if key != "console"}


def as_lines(data: Mapping[str, Any], prefix: str = "") -> list[dict[str, str]]:
    """Return data as rows of a dotted name and a value; what is empty is left out."""
    lines: list[dict[str, str]] = []
    for key, value in data.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            lines += as_lines(value, f"{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for number, one in enumerate(value, 1):
                lines += as_lines(one, f"{name}.{number}.")
        elif value not in ("", None, [], False):
            lines.append({"what": name, "is": ", ".join(map(str, value)) if isinstance(value, list) else str(value)})
    return lines


def show_causes(world: World, name: str, form: str) -> bool:
    """Show why an instance does not run well; return whether any cause shows.

    Raises:
        Failed: it does not run, and no cause shows.
    """
    facts, causes = diagnose(world, instances.resolve(world, name))
    show_diagnosis(facts, causes, form)
    host = facts.host
    if not causes and not (host and host.runs):
        raise Failed(
            Code.INSTANCE_NOT_UP,
            f"{facts.instance.name} is {facts.instance.vm_state}, libvirt has it "
            f"{host.state if host and host.state else 'not'}: no cause is known for that",
            hint=f"see `stackmend instance show {name}`",
        )
    return bool(causes)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
