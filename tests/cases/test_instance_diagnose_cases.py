"""Cases as data: what was seen of an instance, and the causes that are expected, the first to be treated at the top."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from stackmend.domain.boot_failure import BootFacts, Cause, DiskLook, HostLook
from stackmend.domain.instance import ComputeService, Instance, InstanceAction, PortBinding, Witness
from stackmend.domain.values import InstanceId, NodeName
from stackmend.rules.boot_failure import causes

CASES = sorted((Path(__file__).parent / "instance_diagnose").glob("*.yaml"))
NODE = NodeName("c01")
FREE = 10 * 2**30


def host(seen: dict[str, Any] | None) -> HostLook | None:
    if seen is None:
        return None
    known = {"defined": True, "state": "running", "directory": "/i/a", "free": FREE, **seen}
    disks = tuple(DiskLook(**disk) for disk in known.pop("disks", [{"target": "vda", "path": "/i/a/disk"}]))
    return HostLook(disks=disks, **known)


def facts(world: dict[str, Any]) -> BootFacts:
    place = NodeName(world.get("host_of_record", NODE))
    service = world.get("service", "up")
    return BootFacts(
        instance=Instance(
            id=InstanceId("a"),
            name="a",
            host=place,
            vm_state=world.get("state", "active"),
            task_state=world.get("task", ""),
            volumes=tuple(world.get("volumes", ())),
            fault=world.get("fault", ""),
            image="img",
        ),
        actions=tuple(
            InstanceAction(a["verb"], "r", a.get("user", ""), None, failed=False) for a in world.get("did", ())
        ),
        service=ComputeService("s", NODE, True, "", service == "up", service == "forced down", None),  # noqa: FBT003
        host=host(world.get("host", {})),
        silent=world.get("silent", ""),
        witnesses=tuple(Witness(n, (NodeName(p),), f"{n} has it on {p}") for n, p in world.get("says", {}).items()),
        ports=tuple(PortBinding(p["port"], NODE, p["status"], p.get("kind", "ovs")) for p in world.get("ports", ())),
        image=world.get("image", "active"),
    )


def line(cause: Cause) -> str:
    return f"{cause.code} ({cause.cure}): {cause.sentence}"


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_causes_are_as_the_case_says(path: Path) -> None:
    for case in yaml.safe_load_all(path.read_text()):
        assert [line(cause) for cause in causes(facts(case["world"]))] == case["expected"], case["name"]


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_every_cause_says_what_to_do(path: Path) -> None:
    for case in yaml.safe_load_all(path.read_text()):
        assert all(cause.advice and not cause.advice.endswith(".") for cause in causes(facts(case["world"])))


def test_there_are_cases() -> None:
    assert len(CASES) >= 6
