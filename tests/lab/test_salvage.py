"""Salvage a node that is offline for nova: its instance goes on elsewhere, with its data, whatever dies."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest
from beating import beats, machines
from fleet import STACKMEND, Ended, Fleet, until
from killing import KILLED, kill_at_every_record, the_open_run

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900, func_only=True)]

NODE, TARGET = "c03", "c02"
PLACE = "/var/lib/nova/instances"
SALVAGE = ("instance-dirs", "salvage", NODE, "--to", TARGET)

UP_TO_PLACED = "30"
"""Records of a run of one instance up to its files being in place: its start, and four a step."""

Command = Callable[..., Ended]
OnNode = Callable[[str, str], str]


@pytest.fixture
def offline(stackmend: Command, fleet: Fleet, on_node: OnNode) -> Iterator[str]:
    """An instance on a node whose nova-compute hangs; afterwards the node is as it was."""
    instance = fleet.boot("salvage-one", NODE)
    fleet.wait(instance, "active")
    until(lambda: bool(beats(on_node, NODE, instance)), "it has counted its boot on its disk")
    assert stackmend("lab", "break", "compute-wedge", NODE).status == 0
    until(lambda: fleet.service(NODE)["state"] == "down", "nova takes the node for down")
    yield instance
    for run in stackmend("runs", "list", "-f", "json").json():
        if run["state"] in {"paused", "interrupted"}:
            assert stackmend("runs", "undo", run["id"]).status == 0
    stackmend("node", "readmit", NODE, "--no-canary", "--yes")
    assert stackmend("lab", "heal", "compute-wedge", NODE).status == 0
    on_node(NODE, f"rm -rf {PLACE}/.stackmend-trash")
    assert fleet.service(NODE)["state"] == "up"


def standing(stackmend: Command, node: str) -> dict[str, tuple[str, str]]:
    ended = stackmend("instance-dirs", "audit", node, "-f", "json")
    assert ended.status == 0, ended.err
    return {item["item"]: (item["standing"], item["sentence"]) for item in ended.json()["items"]}


def killed_while_copying(env: dict[str, str], on_node: OnNode, run: str, instance: str) -> None:
    """Resume a run, and kill it by SIGKILL when part of a file has arrived."""
    resume = [str(STACKMEND), "runs", "resume", run]
    with subprocess.Popen(resume, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        part = f"{PLACE}/.stackmend-salvage/{run}/{instance}/kernel"
        until(lambda: int(on_node(TARGET, f"stat -c %s {part} 2>/dev/null || echo 0")) > 2**20, "part of it is there")
        process.send_signal(signal.SIGKILL)
        assert process.wait() == KILLED


def test_a_node_that_nova_hears_or_that_runs_instances_is_not_salvaged(stackmend: Command) -> None:
    ended = stackmend(*SALVAGE, "--plan")
    assert (ended.status, "node-alive" in ended.err) == (3, True), ended.err


@pytest.mark.crash
def test_what_the_guest_wrote_survives_kills_and_a_damaged_copy(
    stackmend: Command, fleet: Fleet, on_node: OnNode, lab_env: dict[str, str], offline: str
) -> None:
    instance = offline
    refused = stackmend(*SALVAGE, "--plan")
    assert (refused.status, "salvage-one runs there" in refused.err) == (3, True), refused.err
    last = beats(on_node, NODE, instance)[-1]
    on_node(NODE, f"virsh destroy {instance}")
    seal = "sha256sum disk disk.info kernel; stat -c '%n %a %U' disk disk.info ."
    sums = on_node(NODE, f"cd {PLACE}/{instance}; {seal}")

    first = stackmend(*SALVAGE, "--limit-rate", "4", "--yes", "--reason", "OPS-6", extra={"STACKMEND_CRASH_AT": "1"})
    assert first.status == KILLED, first.out + first.err
    run = the_open_run(stackmend)
    staged = f"{PLACE}/.stackmend-salvage/{run}/{instance}"

    def harm(last: tuple[str, str]) -> None:
        if last == ("step-intent", f"copy/{instance}"):
            killed_while_copying(lab_env, on_node, run, instance)
            seen = standing(stackmend, TARGET)
            assert instance not in seen
            assert seen[f".stackmend-salvage/{run}"][0] == "unknown"
        if last == ("step-done", f"copy/{instance}"):
            assert on_node(TARGET, f"cd {staged}; {seal}") == sums
            on_node(TARGET, f"printf x | dd of={staged}/disk bs=1 seek=400000 conv=notrunc status=none")

    killed_at = kill_at_every_record(stackmend, lab_env, run, harm)
    assert {kind for kind, _ in killed_at} >= {"step-started", "step-intent", "step-applied", "step-done"}
    assert ("step-note", f"place/{instance}") in killed_at, "nobody noticed that the copy was damaged"
    assert (fleet.host(instance), fleet.state(instance), machines(instance)) == (TARGET, "active", 1)
    until(lambda: any(b.boot == last.boot + 1 for b in beats(on_node, TARGET, instance)), "it goes on, from its disk")
    assert standing(stackmend, TARGET)[instance][0] == "in-use"
    assert on_node(TARGET, f"ls -A {PLACE} {PLACE}/{instance} | grep -c stackmend || true").strip() == "0"

    readmitted = stackmend("node", "readmit", NODE, "--no-canary", "--yes")
    assert readmitted.status == 0, readmitted.out + readmitted.err
    assert fleet.service(NODE)["forced_down"] is False
    kept = f"{PLACE}/.stackmend-trash/{run}/{instance}"
    assert on_node(NODE, f"cd {kept}; sha256sum disk disk.info kernel").split() == sums.split()[:6]
    assert on_node(NODE, f"ls -d {PLACE}/{instance} 2>/dev/null || echo gone").strip() == "gone"
    assert standing(stackmend, NODE)[f".stackmend-trash/{run}"][0] == "recoverable"


@pytest.mark.crash
def test_a_salvage_that_was_killed_and_undone_leaves_nothing_on_the_target(
    stackmend: Command, fleet: Fleet, on_node: OnNode, offline: str
) -> None:
    on_node(NODE, f"virsh destroy {offline}")
    # right after its files were put in place, where nova was not yet asked for the evacuation
    killed = stackmend(*SALVAGE, "--instance", offline, "--yes", extra={"STACKMEND_CRASH_AT": UP_TO_PLACED})
    assert killed.status == KILLED, killed.out + killed.err
    run = the_open_run(stackmend)
    assert standing(stackmend, TARGET)[offline][0] == "unknown"
    undone = stackmend("runs", "undo", run)
    assert undone.status == 0, undone.out + undone.err
    assert on_node(TARGET, f"ls -A {PLACE} | grep -c -e stackmend -e {offline} || true").strip() == "0"
    service = fleet.service(NODE)
    assert (fleet.host(offline), service["forced_down"], service["status"]) == (NODE, False, "enabled")
    until(lambda: fleet.service(NODE)["state"] == "up", "its nova-compute is let go, and works again")
