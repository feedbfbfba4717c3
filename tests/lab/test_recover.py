"""Recover a dead compute node: fenced and proved first, nothing lost unasked, nothing ever running twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from beating import beats, machines
from carrying import Hand
from fleet import Ended, Fleet, until
from killing import KILLED, kill_at_every_record, the_open_run
from recovering import BEATS

from stackmend.actions.fencing import FenceNode
from stackmend.adapters.world import World
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Failed

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900, func_only=True)]

Command = Callable[..., Ended]
Script = Callable[[str, str], str]
SHARED, PARTNER = "c01", "c02"
"""Two nodes that share the directory of their instances."""
ALONE = "c03"
"""A node with a directory of its own."""


@pytest.fixture(scope="module")
def shared(fleet: Fleet, on_node: Script) -> tuple[str, str]:
    """A running and a stopped instance on shared storage."""
    running, stopped = fleet.boot("recover-running", SHARED), fleet.boot("recover-stopped", SHARED)
    fleet.wait(running, "active")
    fleet.wait(stopped, "active")
    # what it writes while it runs shows later that the directory is the node's own, and no old copy
    for instance in (running, stopped):
        until(lambda i=instance: len(beats(on_node, SHARED, i)) > BEATS, "it beats")  # type: ignore[misc]
    fleet.act(stopped, "os-stop", "stopped")
    return running, stopped


@pytest.fixture(scope="module")
def alone(fleet: Fleet) -> str:
    """A running instance on a node's own disk."""
    instance = fleet.boot("recover-alone", ALONE)
    fleet.wait(instance, "active")
    return instance


def test_a_living_node_is_not_recovered(stackmend: Command) -> None:
    ended = stackmend("node", "recover", SHARED, "--plan")
    assert ended.status == 3
    assert "node-alive" in ended.err
    assert f"stackmend node drain {SHARED}" in ended.err


def test_a_controller_that_lies_is_no_proof(on_node: Script, world: World, healed: Callable[..., None]) -> None:
    healed("bmc-lies", ALONE)
    node = NodeName(ALONE)
    with pytest.raises(Failed, match="its controller says off") as caught:
        Hand(world).carry_out(FenceNode(), FenceNode.step(node, "its controller", None))
    assert caught.value.code is Code.NODE_NOT_FENCED
    assert "SSH: it answers" in caught.value.sentence
    assert on_node(ALONE, "systemctl is-active nova-compute").strip() == "active"


def test_a_partitioned_node_is_fenced_and_each_instance_runs_once(
    stackmend: Command, on_node: Script, fleet: Fleet, shared: tuple[str, str], healed: Callable[..., None]
) -> None:
    running, stopped = shared
    healed("network-cut", SHARED)
    last = beats(on_node, PARTNER, running)[-1]
    assert machines(running) == 1
    ended = stackmend("node", "recover", SHARED, "--yes", "--reason", "OPS-1")
    assert ended.status == 0, ended.out + ended.err
    assert (fleet.host(running), fleet.state(running)) == (PARTNER, "active")
    assert (fleet.host(stopped), fleet.state(stopped)) == (PARTNER, "stopped")
    assert (machines(running), machines(stopped)) == (1, 0)
    # its console begins anew with it; the count of boots is on its disk
    until(lambda: any(b.boot == last.boot + 1 for b in beats(on_node, PARTNER, running)), "it goes on, from its disk")
    seen = [b.sequence for b in beats(on_node, PARTNER, running)]
    assert seen == sorted(set(seen)), "two of it have written to one console"
    run = stackmend("runs", "list", "-f", "json").json()[0]["id"]
    shown = stackmend("runs", "show", run).out
    assert "its controller says off" in " ".join(shown.split())
    assert fleet.service(SHARED)["forced_down"] is True


@pytest.mark.crash
def test_a_node_that_dies_with_its_controller_by_an_operators_word_and_killed_at_every_record(
    stackmend: Command, fleet: Fleet, alone: str, healed: Callable[..., None], lab_env: dict[str, str]
) -> None:
    healed("bmc-dies-with-node", ALONE)
    healed("power-cut", ALONE)
    refused = stackmend("node", "recover", ALONE, "--plan")
    assert refused.status == 3
    assert "node-not-fenced" in refused.err
    word = ("--i-have-fenced", ALONE, "--reason", "plug pulled")
    waiting = stackmend("node", "recover", ALONE, "--plan", "-f", "json", *word).json()
    assert not [s for s in waiting["steps"] if s["action"] == "instance.evacuate"]
    assert "its root disk would be lost" in waiting["notes"][0]
    accepted = ("node", "recover", ALONE, "--yes", "--accept-loss", "recover-alone", *word)
    first = stackmend(*accepted, extra={"STACKMEND_CRASH_AT": "1"})
    assert first.status == KILLED, first.out + first.err
    killed_at = kill_at_every_record(stackmend, lab_env, the_open_run(stackmend))
    assert {kind for kind, _ in killed_at} >= {"step-started", "step-intent", "step-applied", "step-done"}
    assert fleet.host(alone) in {SHARED, PARTNER}
    assert fleet.state(alone) == "active"
    assert machines(alone) == 1
    records = fleet.cloud.compute.get(f"/os-migrations?instance_uuid={alone}", microversion="2.90").json()
    assert len(records["migrations"]) == 1, "it was evacuated twice"
