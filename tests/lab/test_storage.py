"""The lab's volumes: Cinder's on Ceph, attached to instances and booted from, on ephemeral disks beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pytest
from fleet import Ended, Fleet, until

from stackmend.lab.beat import Beat, parse_all

pytestmark = pytest.mark.lab

Script = Callable[[str, str], str]
HOME, OTHER = "c01", "c02"


@dataclass(frozen=True)
class Stored:
    """Two instances: one with its root in a file, an ephemeral disk and a volume; one that boots from a volume."""

    filed: str
    volume: str
    booted: str
    root: str


@pytest.fixture(scope="module")
def stored(fleet: Fleet) -> Iterator[Stored]:
    filed = fleet.boot("storage-1", HOME, flavor="lab.ephemeral")
    booted = fleet.boot("storage-2", HOME, from_volume=True)
    volume = fleet.volume("storage-data")
    for instance in (filed, booted):
        fleet.wait(instance, "active")
    until(lambda: bool(beats(fleet, filed)), "its guest runs, and hears of a new disk")
    fleet.attach(filed, volume)
    (root,) = fleet.volumes(booted)
    yield Stored(filed, volume, booted, root)
    fleet.clear()


def console(fleet: Fleet, instance: str) -> list[str]:
    answer = fleet.cloud.compute.post(f"/servers/{instance}/action", json={"os-getConsoleOutput": {}})
    return str(answer.json().get("output", "")).splitlines() if answer.ok else []


def beats(fleet: Fleet, instance: str) -> list[Beat]:
    return parse_all(console(fleet, instance))


def lives_on(fleet: Fleet, instance: str) -> None:
    """Wait until its heart, with its disk in order, has beaten anew."""
    last = beats(fleet, instance)[-1:]
    until(lambda: [b for b in beats(fleet, instance)[-1:] if b.disk == "rw" and [b] != last] != [], "it lives on")


def sources(on_node: Script, node: str, instance: str) -> dict[str, str]:
    """Return what libvirt has behind each of an instance's disks."""
    lines = on_node(node, f"virsh -q domblklist {instance}").splitlines()
    return dict(line.split() for line in lines if line.strip())


def watchers(on_node: Script, volume: str) -> list[str]:
    """Return the nodes that Ceph says have a volume open."""
    seen = on_node("ctl01", f"rbd status volumes/volume-{volume}; cat /etc/hosts")
    addresses = re.findall(r"watcher=([\d.]+):", seen)
    names = dict(re.findall(r"^([\d.]+) (\S+)$", seen, re.MULTILINE))
    return [names[address] for address in addresses]


def test_a_volume_is_seen_by_nova_cinder_libvirt_ceph_and_the_guest(
    stored: Stored, fleet: Fleet, on_node: Script
) -> None:
    assert fleet.volumes(stored.filed) == {stored.volume}
    (attachment,) = fleet.cloud.block_storage.get_volume(stored.volume).attachments
    assert (attachment["server_id"], attachment["host_name"]) == (stored.filed, HOME)
    assert sources(on_node, HOME, stored.filed)["vdc"] == f"volumes/volume-{stored.volume}"
    assert watchers(on_node, stored.volume) == [HOME]
    until(lambda: "stackmend-guest disks vda vdb vdc" in console(fleet, stored.filed), "the guest sees it")


def test_an_instance_lives_on_a_volume_alone(stored: Stored, fleet: Fleet, on_node: Script) -> None:
    assert sources(on_node, HOME, stored.booted) == {"vda": f"volumes/volume-{stored.root}"}
    files = on_node(HOME, f"ls /var/lib/nova/instances/{stored.booted}").split()
    assert not [name for name in files if name.startswith("disk") and name != "disk.info"]
    lives_on(fleet, stored.booted)


def test_an_ephemeral_disk_lies_beside_the_root_disk(stored: Stored, on_node: Script) -> None:
    path = sources(on_node, HOME, stored.filed)["vdb"]
    assert path == f"/var/lib/nova/instances/{stored.filed}/disk.eph0"
    assert "virtual size: 1 GiB" in on_node(HOME, f"qemu-img info --force-share {path}")


def test_volumes_go_along_on_a_live_migration(stored: Stored, fleet: Fleet, on_node: Script) -> None:
    for instance, volume in ((stored.filed, stored.volume), (stored.booted, stored.root)):
        fleet.act(instance, "os-migrateLive", "active", {"host": OTHER, "block_migration": "auto"})
        assert fleet.host(instance) == OTHER
        assert watchers(on_node, volume) == [OTHER]
        lives_on(fleet, instance)


def test_a_dead_nodes_hold_on_its_volumes_ends(
    stored: Stored, fleet: Fleet, on_node: Script, stackmend: Callable[..., Ended]
) -> None:
    def gone(volume: str) -> bool:
        return watchers(on_node, volume) == []

    node = fleet.host(stored.booted)
    assert watchers(on_node, stored.root) == [node]
    assert stackmend("lab", "break", "power-cut", node).status == 0
    try:
        for volume in (stored.root, stored.volume):
            until(partial(gone, volume), "Ceph has given the dead node up", timeout=60)
    finally:
        assert stackmend("lab", "heal", "power-cut", node).status == 0
