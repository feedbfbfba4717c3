"""Cases as data: a world before a drain, what was asked, and the treatments that are expected, line by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from stackmend.domain.drain import DrainFacts, DrainOptions, Target
from stackmend.domain.instance import ComputeService, Domain, Instance, NodeInstances, Resources, ServerGroup
from stackmend.domain.values import InstanceId, NodeName
from stackmend.rules.drain import idle_domains, treat_all, unknown_domains

CASES = sorted((Path(__file__).parent / "drain").glob("*.yaml"))
NODE = NodeName("c01")
QUIET = {"stopped": None, "error": None, "suspended": "shut off", "paused": "paused", "shelved_offloaded": None}


def resources(amounts: list[int]) -> Resources:
    return Resources(*amounts)


def instance(name: str, world: dict[str, Any]) -> Instance:
    return Instance(
        id=InstanceId(name),
        name=name,
        host=NODE,
        vm_state=world.get("state", "active"),
        task_state=world.get("task", ""),
        locked=world.get("locked", False),
        on_volume=world.get("on_volume", False),
        resources=resources(world.get("needs", [1, 100, 1])),
    )


def domain(name: str, world: dict[str, Any]) -> Domain | None:
    state = world.get("domain", QUIET.get(world.get("state", "active"), "running"))
    if state is None:
        return None
    return Domain(uuid=InstanceId(name), name=f"instance-{name}", state=state, devices=tuple(world.get("devices", ())))


def target(name: str, world: dict[str, Any]) -> Target:
    return Target(
        node=NodeName(name),
        room=resources(world.get("room", [16, 4096, 100])),
        shared=frozenset(InstanceId(i) for i in world.get("shared", ())),
        cpu_refuses={InstanceId(i): why for i, why in world.get("cpu_refuses", {}).items()},
    )


def facts(world: dict[str, Any]) -> DrainFacts:
    instances = {name: values or {} for name, values in world["instances"].items()}
    domains = {InstanceId(n): d for n, v in instances.items() if (d := domain(n, v)) is not None}
    for name, state in world.get("foreign_domains", {}).items():
        domains[InstanceId(name)] = Domain(InstanceId(name), name, state)
    return DrainFacts(
        service=ComputeService("s", NODE, enabled=True, reason="", up=True, forced_down=False, heartbeat=None),
        on_node=NodeInstances(NODE, tuple(instance(n, v) for n, v in instances.items()), domains),
        targets=tuple(target(n, v or {}) for n, v in world.get("targets", {}).items()),
        unusable={NodeName(n): why for n, why in world.get("unusable", {}).items()},
        groups=tuple(
            ServerGroup(g["name"], g["name"], g["policy"], tuple(InstanceId(m) for m in g["members"]))
            for g in world.get("groups", ())
        ),
        places={InstanceId(i): NodeName(n) for i, n in world.get("places", {}).items()},
    )


def options(asked: dict[str, Any]) -> DrainOptions:
    return DrainOptions(
        stopped=asked.get("stopped", "move"),
        leave=frozenset(InstanceId(i) for i in asked.get("leave", ())),
        target=NodeName(asked["target"]) if "target" in asked else None,
    )


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_treatments_are_as_the_case_says(path: Path) -> None:
    case = yaml.safe_load(path.read_text())
    world, asked = facts(case["world"]), options(case.get("request", {}))
    lines = [f"{t.mode} {t.target or '-'}: {t.sentence}" for t in treat_all(world, asked)]
    lines += [f"unknown domain: {d.name}" for d in unknown_domains(world, asked)]
    lines += [f"idle domain: {d.name}" for d in idle_domains(world)]
    assert lines == case["expected"]


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_moves_fit_into_the_room_there_was(path: Path) -> None:
    case = yaml.safe_load(path.read_text())
    world = facts(case["world"])
    left = {t.node: t.room for t in world.targets}
    for treatment in treat_all(world, options(case.get("request", {}))):
        if treatment.target is not None:
            assert treatment.instance.resources.fits_in(left[treatment.target])
            left[treatment.target] -= treatment.instance.resources


def test_there_are_cases() -> None:
    assert len(CASES) >= 8
