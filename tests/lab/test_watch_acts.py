"""A watch that may act: a node that is found dead is recovered without a hand, another one is only said."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fleet import STACKMEND, Fleet, Stackmend, broken, until

from stackmend.adapters.world import World
from stackmend.cli.context import CloudChoice
from stackmend.cli.watch_acting import Actor
from stackmend.domain.values import NodeName
from stackmend.domain.watch import Act, Stage
from stackmend.lab import beat

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600, func_only=True)]

ALLOWED, PARTNER, OTHER = "c01", "c02", "c03"
"""The first two share the directory of their instances."""
BEATS = 8
"""Beats after which something in an instance's directory is newer than its launch by any clock."""


@pytest.fixture(scope="module")
def filed(fleet: Fleet, on_node: Callable[[str, str], str]) -> str:
    """An instance with its root in a file on shared storage."""
    instance = fleet.boot("watchact-filed", ALLOWED)
    fleet.wait(instance, "active")
    console = f"cat /var/lib/nova/instances/{instance}/console.log"
    until(lambda: len(beat.parse_all(on_node(ALLOWED, console).splitlines())) > BEATS, "it beats")
    return instance


@pytest.fixture(scope="module")
def booted(fleet: Fleet) -> str:
    """An instance that boots from a volume."""
    instance = fleet.boot("watchact-booted", ALLOWED, from_volume=True)
    fleet.wait(instance, "active")
    return instance


Said = Callable[[], list[dict[str, Any]]]


@contextmanager
def watching(lab_env: dict[str, str], lines: Path, *allowed: str) -> Iterator[Said]:
    """A watch that may act on these nodes, and on no more than one of three at once; gives what it has said."""
    words = [str(STACKMEND), "watch", "-f", "json", "--max-share", "34"]
    words += [word for node in allowed for word in ("--act-on", node)]

    def said() -> list[dict[str, Any]]:
        return [json.loads(line) for line in lines.read_text().splitlines() if line.endswith("}")]

    with lines.open("w") as output:
        process = subprocess.Popen(words, env=lab_env, stdout=output)
    try:
        until(lambda: any(one["event"] == "watching" for one in said()), "the watch begins", timeout=60)
        yield said
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 0


@pytest.fixture
def watch(lab_env: dict[str, str], tmp_path: Path) -> Iterator[Said]:
    """A watch that may act on one node."""
    with watching(lab_env, tmp_path / "watch.jsonl", ALLOWED) as said:
        yield said


def acts(said: list[dict[str, Any]], node: str) -> dict[str, str]:
    """Return what was said of acting on a node, by stage."""
    return {one["stage"]: one["sentence"] for one in said if one["event"] == "act" and one["node"] == node}


def test_a_volumes_watcher_is_a_witness_of_a_living_node(stackmend: Stackmend, booted: str) -> None:
    assert booted
    signs: dict[str, dict[str, Any]] = {ALLOWED: {}, OTHER: {}}
    for node, seen in signs.items():
        found = stackmend("node", "diagnose", node, "-f", "json").json()
        seen.update({sign["name"].split()[0]: sign for sign in found["signs"]})
    assert signs[ALLOWED]["volumes"]["bearing"] == "alive lately"
    assert "it watches volumes/volume-" in signs[ALLOWED]["volumes"]["says"]
    assert signs[OTHER]["volumes"]["bearing"] == "not asked"
    assert signs[OTHER]["volumes"]["silent"] == "its instances have no volumes in Ceph"


def test_what_is_refused_is_said_and_not_tried_again(lab: dict[str, str], world: World, tmp_path: Path) -> None:
    assert world.inventory.cloud == lab["OS_CLOUD"]
    doer = Actor(CloudChoice(lab["OS_CLOUD"], Path(lab["STACKMEND_INVENTORY"]), tmp_path))
    doer.begin(NodeName(OTHER))
    said: list[Act] = []

    def heard() -> bool:
        said.extend(doer.news())
        return bool(said)

    until(heard, "it is said")
    assert doer.end() == ()
    (act,) = said
    assert (act.node, act.stage, act.run) == (OTHER, Stage.LEFT, "")
    assert f"stackmend node recover {OTHER}" in act.sentence
    assert act.sentence in doer.acted[NodeName(OTHER)]


def test_a_dead_node_that_is_allowed_is_recovered_and_another_is_only_said(
    stackmend: Stackmend, fleet: Fleet, filed: str, booted: str, watch: Said
) -> None:
    (beginning,) = [one for one in watch() if one["event"] == "watching"]
    assert (beginning["act_on"], beginning["most"]) == ([ALLOWED], 1)
    try:
        with broken(stackmend, "power-cut", ALLOWED):
            until(lambda: "done" in acts(watch(), ALLOWED), "it is recovered by the watch", timeout=240)
            assert [(fleet.host(i), fleet.state(i)) for i in (filed, booted)] == [(PARTNER, "active")] * 2
            with broken(stackmend, "power-cut", OTHER):
                until(lambda: "left" in acts(watch(), OTHER), "the other is said", timeout=60)
        (run,) = stackmend("runs", "list", "-f", "json").json()
        assert (run["state"], run["subject"]) == ("done", ALLOWED)
        shown = " ".join(stackmend("runs", "show", run["id"]).out.split())
        assert "its address watches none of 1 image of its instances" in shown
        assert acts(watch(), OTHER).keys() == {"left"}
        assert f"--act-on {OTHER}" in acts(watch(), OTHER)["left"]
    finally:
        if fleet.service(ALLOWED)["forced_down"]:
            ended = stackmend("node", "readmit", ALLOWED, "--no-canary", "--yes")
            assert ended.status == 0, ended.out + ended.err


@pytest.mark.long
@pytest.mark.usefixtures("filed")
def test_two_at_once_are_a_wave_and_neither_is_acted_on(
    stackmend: Stackmend, fleet: Fleet, lab_env: dict[str, str], tmp_path: Path
) -> None:
    before = stackmend("runs", "list", "-f", "json").json()
    dead = [ALLOWED, OTHER]
    with watching(lab_env, tmp_path / "watch.jsonl", *dead) as said:
        with broken(stackmend, "power-cut", ALLOWED), broken(stackmend, "power-cut", OTHER):
            for node in dead:
                until(lambda n=node: "left" in acts(said(), n), f"{node} is left", timeout=120)  # type: ignore[misc]
        until(lambda: any(one["event"] == "wave-over" for one in said()), "the wave is over", timeout=120)
        (wave,) = [one for one in said() if one["event"] == "wave"]
        assert sorted(wave["nodes"]) == dead
        assert [acts(said(), node).keys() for node in dead] == [{"left"}] * 2
        assert all("a fault of the network until it is proved otherwise" in acts(said(), n)["left"] for n in dead)
    assert stackmend("runs", "list", "-f", "json").json() == before
    assert [fleet.service(node)["forced_down"] for node in dead] == [False] * 2
