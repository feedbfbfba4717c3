"""The lab's instances and its prober: real guests, seen from nova, from the hosts and from the tenant network."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest
from fleet import Ended, Fleet, until

pytestmark = pytest.mark.lab

Command = Callable[..., Ended]
Script = Callable[[str, str], str]
MANY = 12
BEAT = re.compile(r"stackmend-beat seq=(\d+) boot=(\d+) id=(\S+) mac=\S+ disk=rw at=([\d.]+)")


@pytest.fixture(scope="module")
def crowd(stackmend: Command) -> Iterator[list[dict[str, Any]]]:
    """Twelve instances on c01, and no others of that kind."""
    assert stackmend("lab", "instances", "delete").status == 0
    started = stackmend("lab", "instances", "start", "c01", str(MANY))
    assert started.status == 0, started.out + started.err
    yield listed(stackmend)
    deleted = stackmend("lab", "instances", "delete")
    assert deleted.status == 0, deleted.err
    assert listed(stackmend) == []


def listed(stackmend: Command) -> list[dict[str, Any]]:
    return list(stackmend("lab", "instances", "list", "-f", "json").json())


def beats(fleet: Fleet, instance: str) -> list[tuple[int, int, str, float]]:
    """Return sequence, boot, id and time of each heartbeat that nova shows of an instance's console."""
    answer = fleet.cloud.compute.post(f"/servers/{instance}/action", json={"os-getConsoleOutput": {}})
    found = BEAT.findall(answer.json()["output"])
    return [(int(sequence), int(boot), uuid, float(at)) for sequence, boot, uuid, at in found]


def qemu_of(instance: str) -> Path:
    """Return where the kernel tells of an instance's QEMU, on whichever host of this machine."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and (process / "comm").exists():
            words = (process / "cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"qemu-system-x86_64") and instance.encode() in words:
                return process
    raise AssertionError(f"no QEMU of {instance}")


def processor_seconds(process: Path) -> float:
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_they_are_where_they_were_asked_for_and_have_addresses(crowd: list[dict[str, Any]], fleet: Fleet) -> None:
    assert [one["name"] for one in crowd] == [f"demo-{n:02d}" for n in range(1, MANY + 1)]
    assert {one["state"] for one in crowd} == {"ACTIVE"}
    assert {fleet.host(one["id"]) for one in crowd} == {"c01"}
    assert len({one["address"] for one in crowd}) == MANY
    assert all(IPv4Address(one["address"]) in IPv4Network("192.168.77.0/24") for one in crowd)


def test_twelve_idle_ones_take_less_than_a_quarter_of_a_core(crowd: list[dict[str, Any]], stackmend: Command) -> None:
    assert stackmend("lab", "probe", "stop").status == 0  # an instance that answers ten pings a second is not idle
    processes = [qemu_of(one["id"]) for one in crowd]
    before, began = sum(map(processor_seconds, processes)), time.monotonic()
    time.sleep(30)
    cores = (sum(map(processor_seconds, processes)) - before) / (time.monotonic() - began)
    assert stackmend("lab", "probe", "start").status == 0
    assert cores < 0.25, f"{cores:.3f} cores"


def test_a_heart_beats_once_a_second_and_knows_its_name(crowd: list[dict[str, Any]], fleet: Fleet) -> None:
    last = beats(fleet, crowd[0]["id"])[-20:]
    assert {uuid for _, _, uuid, _ in last} == {crowd[0]["id"]}
    steps = [later[0] - earlier[0] for earlier, later in itertools.pairwise(last)]
    assert set(steps) == {1}
    assert 19 <= last[-1][3] - last[0][3] <= 25


def test_a_stop_is_heard_by_the_guest_and_its_disk_remembers(
    crowd: list[dict[str, Any]], fleet: Fleet, on_node: Script
) -> None:
    one = crowd[0]["id"]
    before = beats(fleet, one)[-1]
    fleet.act(one, "os-stop", "stopped")
    on_disk = on_node("c01", f"qemu-img info /var/lib/nova/instances/{one}/disk")
    assert "file format: qcow2" in on_disk
    fleet.act(one, "os-start", "active")
    until(lambda: [b for b in beats(fleet, one) if b[1] == before[1] + 1] != [], "it beats again", timeout=60)
    first = next(b for b in beats(fleet, one) if b[1] == before[1] + 1)
    assert first[0] > before[0], "the disk carried the count over"


def test_lost_probes_are_counted_with_their_gap(
    crowd: list[dict[str, Any]], stackmend: Command, on_node: Script
) -> None:
    still, moving = crowd[1], crowd[2]
    began = time.time()
    on_node("c01", f"virsh -q suspend {still['id']}; sleep 3; virsh -q resume {still['id']}")
    found = stackmend("lab", "probe", "report", "--since", str(began), "-f", "json").json()
    paused = found[still["address"]]
    assert 15 <= paused["lost"] <= 45  # what was sent in the last second before it went on was answered in time
    assert 1.5 <= paused["longest_gap_s"] <= 5
    assert found[moving["address"]]["lost"] == 0
    assert found[moving["address"]]["sent"] >= 30


def test_a_node_that_does_not_exist_is_refused(stackmend: Command) -> None:
    refused = stackmend("lab", "instances", "start", "c77", "1")
    assert refused.status == 3
    assert "node-unknown" in refused.err
    assert stackmend("lab", "instances", "delete", "demo-99").status == 3
