"""Cases as data: a dead node, what was asked, and the refusal or the rescues that are expected, line by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from stackmend.domain.death import Condition
from stackmend.domain.drain import Target
from stackmend.domain.instance import ComputeService, Instance, Resources, ServerGroup
from stackmend.domain.recovery import RecoveryFacts, RecoveryOptions, Statement, Stranded
from stackmend.domain.values import InstanceId, NodeName
from stackmend.rules.recovery import losses, objection, rescue_all, statement_that_counts

CASES = sorted((Path(__file__).parent / "recovery").glob("*.yaml"))
NODE = NodeName("c03")


def stranded(name: str, world: dict[str, Any]) -> Stranded:
    instance = Instance(
        id=InstanceId(name),
        name=name,
        host=NODE,
        vm_state=world.get("state", "active"),
        task_state=world.get("task", ""),
        locked=world.get("locked", False),
        on_volume=world.get("on_volume", False),
        volumes=tuple(world.get("volumes", ())),
        resources=Resources(*world.get("needs", [1, 100, 1])),
    )
    return Stranded(
        instance,
        ephemeral_gb=world.get("ephemeral", 0),
        swap_mb=world.get("swap", 0),
        config_drive=world.get("config_drive", False),
        priority=world.get("priority", 0),
    )


def facts(world: dict[str, Any]) -> RecoveryFacts:
    targets = {name: values or {} for name, values in world.get("targets", {"c01": {}, "c02": {}}).items()}
    return RecoveryFacts(
        service=ComputeService("s", NODE, enabled=True, reason="", up=False, forced_down=False, heartbeat=None),
        condition=Condition(world.get("condition", "off")),
        why=world.get("why", "nothing of it answers"),
        controlled=world.get("controlled", True),
        controller_error=world.get("controller_error", ""),
        stranded=tuple(stranded(n, v or {}) for n, v in world.get("instances", {}).items()),
        targets=tuple(
            Target(
                NodeName(n),
                Resources(*v.get("room", [16, 4096, 100])),
                frozenset(InstanceId(i) for i in v.get("shared", ())),
            )
            for n, v in targets.items()
        ),
        doubtful={
            InstanceId(i): frozenset(NodeName(n) for n in nodes) for i, nodes in world.get("doubtful", {}).items()
        },
        unusable={NodeName(n): why for n, why in world.get("unusable", {}).items()},
        groups=tuple(
            ServerGroup(g["name"], g["name"], g["policy"], tuple(InstanceId(m) for m in g["members"]))
            for g in world.get("groups", ())
        ),
        places={InstanceId(i): NodeName(n) for i, n in world.get("places", {}).items()},
        tied={InstanceId(n): v["tied"] for n, v in world.get("instances", {}).items() if v and "tied" in v},
        down=tuple(NodeName(n) for n in world.get("down", [NODE])),
        computes=world.get("computes", 3),
        own_volumes=world.get("own_volumes", {}),
    )


def options(asked: dict[str, Any]) -> RecoveryOptions:
    return RecoveryOptions(
        accept_loss=frozenset(InstanceId(i) for i in asked.get("accept_loss", ())),
        target=NodeName(asked["target"]) if "target" in asked else None,
        statement=Statement("kay@desk", asked["statement"]) if "statement" in asked else None,
        even_in_a_wave=asked.get("even_in_a_wave", False),
        by_database=asked.get("by_database", False),
    )


def outcome(world: RecoveryFacts, asked: RecoveryOptions) -> list[str]:
    refused = objection(world, asked)
    if refused is not None:
        return [f"refused {refused.code}: {refused.sentence}"]
    counts = statement_that_counts(world, asked)
    fenced = f"statement of {counts.by}" if counts else "controller"
    return [f"fenced by {fenced}", *(f"{r.target or '-'}: {r.sentence}" for r in rescue_all(world, asked))]


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_each_is_as_the_case_says(path: Path) -> None:
    for case in yaml.safe_load_all(path.read_text()):
        assert outcome(facts(case["world"]), options(case.get("request", {}))) == case["expected"]


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_nothing_is_lost_unasked_and_all_fits(path: Path) -> None:
    for case in yaml.safe_load_all(path.read_text()):
        world, asked = facts(case["world"]), options(case.get("request", {}))
        left = {t.node: t.room for t in world.targets}
        for rescue in rescue_all(world, asked):
            if rescue.target is None:
                continue
            assert rescue.stranded.instance.resources.fits_in(left[rescue.target])
            left[rescue.target] -= rescue.stranded.instance.resources
            assert not losses(rescue.parts) or rescue.stranded.instance.id in asked.accept_loss


def test_there_are_cases() -> None:
    assert len(CASES) >= 6
