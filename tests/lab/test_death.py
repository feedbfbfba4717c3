"""Whether a node is dead, asked of a real one: stopped by hand, frozen, cut off, without power."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from fleet import STACKMEND, Fleet, Stackmend, broken, until

pytestmark = pytest.mark.lab

NODE = "c03"
SHARING = "c02"
"""A node whose instances' directory another one sees too."""
UP, NOT_UP, UNKNOWN = 0, 1, 4


def diagnose(stackmend: Stackmend, node: str, status: int) -> dict[str, Any]:
    ended = stackmend("node", "diagnose", node, "-f", "json")
    assert ended.status == status, ended.out + ended.err
    found: dict[str, Any] = ended.json()
    return found


def bearings(found: dict[str, Any], witness: str) -> list[str]:
    return [sign["bearing"] for sign in found["signs"] if sign["name"].startswith(witness)]


def test_a_node_that_works_is_up_by_every_witness(stackmend: Stackmend) -> None:
    found = diagnose(stackmend, NODE, UP)
    assert (found["condition"], found["planned"], found["findings"]) == ("up", "", [])
    assert bearings(found, "ssh") == bearings(found, "libvirt") == ["alive"]
    assert bearings(found, "ping from ").count("alive") >= 2
    assert bearings(found, "power") == ["on"]


def test_a_stop_by_hand_is_told_from_a_failure(stackmend: Stackmend) -> None:
    with broken(stackmend, "compute-stop", NODE):
        found = diagnose(stackmend, NODE, NOT_UP)
    assert found["condition"] == "degraded"
    assert "nova-compute is inactive" in found["sentence"]
    assert "nova-compute was stopped cleanly by hand" in found["planned"]


def test_all_that_does_not_work_is_named(stackmend: Stackmend) -> None:
    try:
        assert stackmend("lab", "break", "libvirt-stop", NODE).status == 0
        found = diagnose(stackmend, NODE, NOT_UP)
        assert stackmend("lab", "break", "compute-wedge", NODE).status == 0
        worse = diagnose(stackmend, NODE, NOT_UP)
    finally:
        # both at once: nova hears the node only when the two are gone
        assert stackmend("lab", "heal").status == 0
    assert (found["condition"], worse["condition"]) == ("degraded", "wedged")
    assert "libvirt gives no answer" in found["sentence"]
    assert "nova-compute is stopped by a signal; libvirt gives no answer" in worse["sentence"]
    assert found["planned"] == worse["planned"] == ""


def test_a_stop_by_stackmend_is_planned(stackmend: Stackmend) -> None:
    assert stackmend("node", "stop", NODE, "--yes", "--reason", "new fan").status == 0
    try:
        found = diagnose(stackmend, NODE, NOT_UP)
    finally:
        assert stackmend("node", "start", NODE, "--yes").status == 0
    assert found["condition"] == "degraded"
    assert "stackmend holds nova-compute.service" in found["planned"]
    assert "new fan" in found["planned"]


def test_of_two_nodes_that_are_cut_off_only_the_one_seen_to_write_is_said_to_run(
    stackmend: Stackmend, fleet: Fleet
) -> None:
    instance = fleet.boot("death-1", SHARING)
    fleet.wait(instance, "active")
    until(lambda: beats(fleet, instance), "the instance beats", timeout=120)
    with broken(stackmend, "network-cut", SHARING), broken(stackmend, "network-cut", NODE):
        seen, unseen = diagnose(stackmend, SHARING, NOT_UP), diagnose(stackmend, NODE, UNKNOWN)
    assert (seen["condition"], unseen["condition"]) == ("partitioned", "unknown")
    assert f"{instance}/console.log is written to" in seen["sentence"]
    assert "its power controller says on" in unseen["sentence"]
    fleet.clear()


def beats(fleet: Fleet, instance: str) -> bool:
    """Return whether the instance itself says that it runs, in its console."""
    answer = fleet.cloud.compute.post(f"/servers/{instance}/action", json={"os-getConsoleOutput": {"length": 5}})
    return answer.ok and "stackmend-beat" in answer.json()["output"]


def test_a_power_cut_is_said_and_read_back(stackmend: Stackmend, lab_env: dict[str, str], tmp_path: Path) -> None:
    lines = tmp_path / "watch.jsonl"
    with lines.open("w") as output:
        watch = subprocess.Popen([str(STACKMEND), "watch", "-f", "json"], env=lab_env, stdout=output)
    try:
        until(lambda: '"watching"' in lines.read_text(), "the watch begins", timeout=60)
        with broken(stackmend, "power-cut", NODE):
            until(lambda: said(lines, NODE) == "off", "the watch says it", timeout=60)
            found = diagnose(stackmend, NODE, NOT_UP)
        until(lambda: said(lines, NODE) == "up", "the watch says that it is back", timeout=60)
    finally:
        watch.send_signal(signal.SIGTERM)
        assert watch.wait(timeout=30) == 0
    assert found["condition"] == "off"
    assert bearings(found, "power") == ["off"]
    assert "reads back off" in found["sentence"]


def said(lines: Path, node: str) -> str:
    """Return the condition that the watch said last of a node; empty where it said none."""
    events = [json.loads(line) for line in lines.read_text().splitlines() if line.endswith("}")]
    return next((str(event["condition"]) for event in reversed(events) if event.get("node") == node), "")
