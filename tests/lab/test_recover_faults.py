"""What else dies, or comes back, in the middle of a recovery: nothing runs twice, is lost or left off."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from beating import beats, machines
from fleet import STACKMEND, Ended, Fleet, until
from recovering import BEATS

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900, func_only=True)]

Command = Callable[..., Ended]
Script = Callable[[str, str], str]
FIRST, SECOND = "c01", "c02"
"""Two nodes that share the directory of their instances."""
THIRD = "c03"
PAUSED = 4


@contextmanager
def recovering(env: dict[str, str], *args: str) -> Iterator[subprocess.Popen[str]]:
    """Carry a run out meanwhile."""
    command = [str(STACKMEND), *args]
    process = subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def ended(process: subprocess.Popen[str]) -> Ended:
    """Wait for the end of a command."""
    out, _ = process.communicate(timeout=420)
    return Ended(process.returncode, out, "")


def attempts(fleet: Fleet, instance: str) -> list[tuple[str, str]]:
    """Return target and status of nova's records of an instance's evacuations, the oldest first."""
    answer = fleet.cloud.compute.get(f"/os-migrations?instance_uuid={instance}", microversion="2.90")
    records: list[dict[str, Any]] = sorted(answer.json()["migrations"], key=lambda m: m["id"])
    return [(m["dest_compute"], m["status"]) for m in records]


def open_run(stackmend: Command) -> str:
    """Return the id of the newest run."""
    return str(stackmend("runs", "list", "-f", "json").json()[0]["id"])


def carried_out(stackmend: Command, run: str) -> Ended:
    """Resume a run until it is done; it may pause once more on what nova has dropped only by then."""
    for _ in range(3):
        last = stackmend("runs", "resume", run)
        if last.status != PAUSED:
            break
    assert last.status == 0, last.out + last.err
    return last


def goes_on_once(on_node: Script, fleet: Fleet, instance: str, node: str, boots: int) -> None:
    """See that an instance runs on a node, nowhere else, from its own disk, and that one only writes its console."""
    assert (fleet.host(instance), fleet.state(instance)) == (node, "active")
    assert machines(instance) == 1
    until(lambda: any(b.boot > boots for b in beats(on_node, node, instance)), "it goes on, from its disk")
    seen = [b.sequence for b in beats(on_node, node, instance)]
    assert seen == sorted(set(seen)), "two of it have written to one console"


@dataclass(frozen=True)
class Pair:
    """Two instances on a node: one whose files another one shares, one whose root disk is a volume."""

    filed: str
    volumed: str
    boots: dict[str, int]
    """How many times each disk had been booted from when its node died."""


@pytest.fixture(scope="module")
def pair(fleet: Fleet, on_node: Script) -> Pair:
    """The two, running on FIRST."""
    # by name, so that the volume is placed first, on the first of two nodes with the same room
    made = fleet.boot("faults-file", FIRST), fleet.boot("faults-disk", FIRST, from_volume=True)
    for instance in made:
        fleet.wait(instance, "active")
        until(lambda i=instance: len(beats(on_node, FIRST, i)) > BEATS, "it beats")  # type: ignore[misc]
    return Pair(*made, {instance: beats(on_node, FIRST, instance)[-1].boot for instance in made})


def test_the_target_dies_and_the_controller_reboots(
    stackmend: Command,
    on_node: Script,
    fleet: Fleet,
    pair: Pair,
    healed: Callable[..., None],
    lab_env: dict[str, str],
) -> None:
    filed, volumed = pair.filed, pair.volumed
    healed("power-cut", FIRST)
    with recovering(lab_env, "node", "recover", FIRST, "--yes") as process:
        until(lambda: all(attempts(fleet, i) for i in (filed, volumed)), "nova evacuates them")
        healed("power-cut", SECOND)
        first = ended(process)
    assert first.status == PAUSED, first.out
    assert f"{SECOND} went down" in first.out
    assert (machines(filed), machines(volumed)) == (0, 0)
    run = open_run(stackmend)

    # nobody can tell whether the target runs them: nothing is started elsewhere
    assert stackmend("lab", "break", "bmc-unreachable", SECOND).status == 0
    doubtful = stackmend("runs", "resume", run)
    assert stackmend("lab", "heal", "bmc-unreachable", SECOND).status == 0
    assert doubtful.status == PAUSED, doubtful.out
    assert "node-not-fenced" in doubtful.out
    assert "only then is faults-disk started elsewhere" in doubtful.out
    assert [target for target, _ in attempts(fleet, volumed)] == [SECOND]

    # it is off and silent: what can go elsewhere does, though the controller reboots; what would lose its disk waits
    with recovering(lab_env, "runs", "resume", run) as process:
        until(lambda: len(attempts(fleet, volumed)) > 1, "nova evacuates it again")
        assert stackmend("lab", "break", "power-cut", "ctl01").status == 0
        assert stackmend("lab", "heal", "power-cut", "ctl01").status == 0
        second = ended(process)
    assert second.status == PAUSED, second.out
    assert "faults-file waits: its root disk would be lost" in " ".join(second.out.split())
    assert machines(filed) == 0

    # the target comes back: nova has forgotten the evacuation, and is asked anew
    assert stackmend("lab", "heal", "power-cut", SECOND).status == 0
    last = carried_out(stackmend, run)
    goes_on_once(on_node, fleet, filed, SECOND, pair.boots[filed])
    goes_on_once(on_node, fleet, volumed, THIRD, pair.boots[volumed])
    assert "has not read from its volume" not in " ".join(last.out.split())


def test_the_node_comes_back_in_the_middle_of_its_own_recovery_and_a_bystander_dies(
    stackmend: Command,
    on_node: Script,
    fleet: Fleet,
    pair: Pair,
    healed: Callable[..., None],
    lab_env: dict[str, str],
) -> None:
    filed = pair.filed
    seen = beats(on_node, SECOND, filed)
    assert fleet.host(filed) == SECOND
    assert len(seen) > BEATS
    before = len(attempts(fleet, filed))
    healed("power-cut", SECOND)
    with recovering(lab_env, "node", "recover", SECOND, "--yes") as process:
        until(lambda: len(attempts(fleet, filed)) > before, "nova evacuates it")
        healed("power-cut", THIRD)
        assert stackmend("lab", "heal", "power-cut", SECOND).status == 0
        done = ended(process)
    if done.status == PAUSED:
        done = stackmend("runs", "resume", open_run(stackmend))
    assert done.status == 0, done.out + done.err
    assert fleet.service(SECOND)["forced_down"] is True
    assert f"libvirt on {THIRD} could not be asked" in " ".join(done.out.split())
    goes_on_once(on_node, fleet, filed, FIRST, seen[-1].boot)

    home = stackmend("node", "readmit", SECOND, "--no-canary", "--return-instances", "--yes")
    assert home.status == 0, home.out + home.err
    assert (fleet.host(filed), fleet.state(filed), machines(filed)) == (SECOND, "active", 1)


@pytest.mark.long
def test_a_target_that_is_cut_off_and_goes_on_keeps_its_instance(
    stackmend: Command,
    on_node: Script,
    fleet: Fleet,
    pair: Pair,
    healed: Callable[..., None],
    lab_env: dict[str, str],
) -> None:
    filed = pair.filed
    dead = fleet.host(filed)
    target = {FIRST: SECOND, SECOND: FIRST}[dead]
    boots = beats(on_node, dead, filed)[-1].boot
    before = len(attempts(fleet, filed))
    healed("power-cut", dead)
    with recovering(lab_env, "node", "recover", dead, "--yes", "--target", target) as process:
        until(lambda: len(attempts(fleet, filed)) > before and machines(filed) == 1, "it runs on its target")
        healed("network-cut", target)
        first = ended(process)
    assert first.status == PAUSED, first.out
    assert machines(filed) == 1

    # the target's controller says on: what may run there is started nowhere else
    doubtful = stackmend("runs", "resume", open_run(stackmend))
    assert doubtful.status == PAUSED, doubtful.out
    assert machines(filed) == 1
    assert len(attempts(fleet, filed)) == before + 1

    assert stackmend("lab", "heal", "network-cut", target).status == 0
    carried_out(stackmend, open_run(stackmend))
    goes_on_once(on_node, fleet, filed, target, boots)
