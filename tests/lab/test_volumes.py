"""Volumes that hang: found by asking every witness, repaired by the APIs, and only where each of them has spoken."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from carrying import Hand
from fleet import STACKMEND, Ended, Fleet, broken, until

from stackmend.actions.volume_release import ReleaseVolume
from stackmend.actions.volume_reset import ResetVolume
from stackmend.adapters.world import World
from stackmend.domain.volume import Repair, VolumeCure
from stackmend.facts import volume_gathering
from stackmend.rules.volumes import judge

pytestmark = pytest.mark.lab

NODE = "c01"
Command = Callable[..., Ended]
SETTLED = ("--settled", "0")
"""No other work goes on with these volumes, so they are taken for stuck at once."""
BOOTED = ("--prompt", "stackmend-beat")
CINDER = "3.27"


@dataclass(frozen=True)
class Used:
    """An instance with a volume."""

    instance: str
    volume: str


@pytest.fixture(scope="module")
def used(fleet: Fleet) -> Used:
    """A running instance on NODE with a second volume."""
    instance = fleet.boot("hang", NODE)
    volume = fleet.volume("hang-data")
    fleet.wait(instance, "active")
    fleet.attach(instance, volume)
    return Used(instance, volume)


@pytest.fixture(autouse=True)
def in_use_again(fleet: Fleet, used: Used) -> Iterator[None]:
    """See that each test leaves the volume in use by its instance."""
    yield
    assert fleet.cloud.block_storage.get_volume(used.volume).status == "in-use"
    assert fleet.volumes(used.instance) == {used.volume}


def set_status(fleet: Fleet, volume: str, status: str) -> None:
    """Write Cinder's status of a volume, as a service that dies half-way leaves it."""
    body = {"os-reset_status": {"status": status}}
    answer = fleet.cloud.block_storage.post(f"/volumes/{volume}/action", json=body, microversion=CINDER)
    assert answer.ok, answer.text


def attachments(fleet: Fleet, volume: str) -> list[dict[str, Any]]:
    """Return Cinder's attachments of a volume."""
    path = f"/attachments?all_tenants=1&volume_id={volume}"
    return list(fleet.cloud.block_storage.get(path, microversion=CINDER).json()["attachments"])


def findings(world: World, volume: str) -> dict[str, Repair | None]:
    """Return what is found of a volume, and the cure of each; no other work goes on with it."""
    found = judge(volume_gathering.of_volume(world, volume), now=world.clock.now(), settled=0)
    return {f.finding.code: f.cure.repair if f.cure else None for f in found}


@pytest.fixture
def blind(lab: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """An environment in which NODE does not answer over SSH."""
    nodes = yaml.safe_load(Path(lab["STACKMEND_INVENTORY"]).read_text())
    nodes["nodes"][NODE]["address"] = "127.0.0.9"
    inventory = tmp_path / "inventory.yaml"
    inventory.write_text(yaml.safe_dump(nodes))
    return {"STACKMEND_INVENTORY": str(inventory)}


def cure_of(world: World, volume: str, kind: Repair) -> VolumeCure:
    """Return the cure that the witnesses allow."""
    found = judge(volume_gathering.of_volume(world, volume), now=world.clock.now(), settled=0)
    return next(f.cure for f in found if f.cure is not None and f.cure.repair is kind)


def device(fleet: Fleet, used: Used) -> str:
    """Return the name that nova has for the volume's device."""
    answer = fleet.cloud.compute.get(f"/servers/{used.instance}/os-volume_attachments/{used.volume}")
    return str(answer.json()["volumeAttachment"]["device"])


def in_domain(on_node: Callable[[str, str], str], used: Used) -> bool:
    """Return whether libvirt has the volume in the instance's domain."""
    return used.volume in on_node(NODE, f"virsh -q domblklist {used.instance}")


def test_the_databases_say_the_same_as_the_apis(
    stackmend: Command, lab: dict[str, str], used: Used, tmp_path: Path
) -> None:
    by_api = stackmend("volume", "list", "--node", NODE, "-f", "json")
    assert by_api.err.strip() == f"volumes of the instances on {NODE}, by the APIs"
    row = next(row for row in by_api.json() if row["volume"] == used.volume)
    assert (row["instance"], row["status"], row["attachment"], row["name"]) == (
        used.instance, "in-use", "attached", "hang-data",
    )  # fmt: skip
    assert row["device"].startswith("/dev/vd")
    dead = tmp_path / "clouds.yaml"
    shutil.copy(lab["OS_CLIENT_CONFIG_FILE"], dead)
    clouds = yaml.safe_load(dead.read_text())
    clouds["clouds"]["lab"]["auth"]["auth_url"] = "http://127.0.0.1:9/v3"
    dead.write_text(yaml.safe_dump(clouds))
    by_database = stackmend("volume", "list", "--node", NODE, "-f", "json", extra={"OS_CLIENT_CONFIG_FILE": str(dead)})
    assert f"volumes of the instances on {NODE}, by the databases, for identity gave no answer" in by_database.err
    assert by_database.json() == by_api.json()


@pytest.mark.parametrize("status", ["attaching", "reserved"])
def test_a_status_that_nobody_ends_is_found(
    stackmend: Command, fleet: Fleet, used: Used, world: World, status: str
) -> None:
    with broken(stackmend, f"volume-{status}", "hang"):
        assert fleet.cloud.block_storage.get_volume(used.volume).status == status
        assert set(findings(world, used.volume).values()) == {Repair.RESET}


def test_a_stuck_detach_is_repaired_and_given_back_by_an_undo(
    stackmend: Command, fleet: Fleet, used: Used, world: World
) -> None:
    assert stackmend("lab", "break", "volume-detaching", "hang").status == 0
    young = stackmend("volume", "diagnose", used.volume, "-f", "json")
    assert [f["check"] for f in young.json()] == ["volume-under-way"]
    hand, step = Hand(world), ResetVolume.step(cure_of(world, used.volume, Repair.RESET), 0)
    hand.carry_out(ResetVolume(), step)
    assert fleet.cloud.block_storage.get_volume(used.volume).status == "in-use"
    assert "is detaching again, as it was found" in hand.undo(ResetVolume(), step)
    assert fleet.cloud.block_storage.get_volume(used.volume).status == "detaching"
    fixed = stackmend("volume", "diagnose", "--node", NODE, "--fix", "--yes", *SETTLED)
    assert fixed.status == 0, fixed.out + fixed.err
    assert findings(world, used.volume) == {"volume-agreed": None}
    assert stackmend("lab", "heal", "volume-detaching", "hang").status == 0


def test_nothing_is_repaired_while_a_witness_is_silent(
    stackmend: Command, fleet: Fleet, used: Used, world: World, blind: dict[str, str]
) -> None:
    set_status(fleet, used.volume, "available")
    assert findings(world, used.volume) == {"volume-status-untrue": Repair.RESET}
    refused = stackmend("volume", "diagnose", used.volume, "--fix", "--yes", *SETTLED, extra=blind)
    assert refused.status == 3, refused.out + refused.err
    assert f"the libvirt of {NODE} could not be asked whether it uses it" in refused.err
    assert fleet.cloud.block_storage.get_volume(used.volume).status == "available"
    fixed = stackmend("volume", "diagnose", used.volume, "--fix", "--yes", *SETTLED)
    assert fixed.status == 0, fixed.out + fixed.err


def test_a_reservation_that_nova_knows_nothing_of_is_released(fleet: Fleet, used: Used, world: World) -> None:
    volume = fleet.volume("hang-reserved")
    body = {"attachment": {"volume_uuid": volume, "instance_uuid": used.instance}}
    assert fleet.cloud.block_storage.post("/attachments", json=body, microversion=CINDER).ok
    hand, step = Hand(world), ReleaseVolume.step(cure_of(world, volume, Repair.RELEASE), 0)
    hand.carry_out(ReleaseVolume(), step)
    assert (attachments(fleet, volume), fleet.cloud.block_storage.get_volume(volume).status) == ([], "available")
    assert "reserved for hang again" in hand.undo(ReleaseVolume(), step)
    assert [a["instance"] for a in attachments(fleet, volume)] == [used.instance]
    Hand(world).carry_out(ReleaseVolume(), ReleaseVolume.step(cure_of(world, volume, Repair.RELEASE), 0))
    assert (attachments(fleet, volume), fleet.cloud.block_storage.get_volume(volume).status) == ([], "available")


def test_a_volume_that_the_domain_lacks_is_reattached_though_the_run_is_killed_half_way(
    stackmend: Command,
    fleet: Fleet,
    used: Used,
    world: World,
    on_node: Callable[[str, str], str],
    lab_env: dict[str, str],
) -> None:
    target = device(fleet, used).removeprefix("/dev/")
    on_node(NODE, f"virsh -q detach-disk {used.instance} {target} --live")
    until(lambda: not in_domain(on_node, used), "the domain has let go of it")
    assert findings(world, used.volume) == {"volume-not-in-domain": Repair.REATTACH}
    words = [str(STACKMEND), "volume", "reattach", "--node", NODE, "--yes", *SETTLED, *BOOTED]
    with subprocess.Popen(
        words, env=lab_env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        until(lambda: fleet.cloud.block_storage.get_volume(used.volume).status != "in-use", "the detach is under way")
        run.kill()
    killed = next(r for r in stackmend("runs", "list", "-f", "json").json() if r["state"] == "interrupted")
    resumed = stackmend("runs", "resume", killed["id"])
    assert resumed.status == 0, resumed.out + resumed.err
    assert in_domain(on_node, used)
    assert device(fleet, used) == f"/dev/{target}"
    assert findings(world, used.volume) == {"volume-agreed": None}
