"""Volumes that hang: found by asking every witness, repaired by the APIs, and only where each of them has spoken."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from carrying import Hand
from fleet import STACKMEND, Ended, Fleet, broken, until
from killing import KILLED, kill_at_every_record, the_open_run

from stackmend.actions.volume_complete import CompleteVolume
from stackmend.actions.volume_detach import DetachVolume
from stackmend.actions.volume_reboot import RebootForVolume
from stackmend.actions.volume_release import ReleaseVolume
from stackmend.actions.volume_reset import ResetVolume
from stackmend.adapters.world import World
from stackmend.domain.volume import Repair, VolumeCure
from stackmend.facts import volume_gathering
from stackmend.lab.settings import CONTROLLER
from stackmend.rules.volumes import judge

pytestmark = pytest.mark.lab

NODE = "c01"
Command = Callable[..., Ended]
SETTLED = ("--settled", "0")
"""No other work goes on with these volumes, so they are taken for stuck at once."""
BOOTED = ("--prompt", "stackmend-beat")
UP_TO_HELD = "5"
"""Records of a run of one repair up to the attachment of its own: two of the run, two of the step, and its note."""
ELSEWHERE = "c02"
WATCH = """mkfifo /tmp/watch.fifo; exec 3<>/tmp/watch.fifo
setsid rbd --id cinder watch volumes/volume-{volume} <&3 >/dev/null 2>&1 &"""
"""A client that ends its watch when it reads a line; what it reads from stays open."""
CINDER = "3.27"

BEGUN = """
INSERT INTO nova.block_device_mapping (created_at, device_name, delete_on_termination, volume_id, volume_size,
  no_device, connection_info, instance_uuid, deleted, source_type, destination_type, boot_index, attachment_id, uuid,
  encrypted)
SELECT created_at, '/dev/vdz', 0, '{volume}', 1, no_device, 'null', instance_uuid, 0, source_type, destination_type,
  boot_index, '{attachment}', UUID(), encrypted
FROM nova.block_device_mapping WHERE volume_id = '{like}' AND deleted = 0"""
"""Nova's record of an attachment as its API leaves it, where nova-compute never hears of it."""


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


def console(fleet: Fleet, used: Used) -> str:
    """Return the end of the instance's console."""
    body = {"os-getConsoleOutput": {"length": 20}}
    return str(fleet.cloud.compute.post(f"/servers/{used.instance}/action", json=body).json()["output"])


def let_go(fleet: Fleet, on_node: Callable[[str, str], str], used: Used) -> None:
    """Have the domain alone let go of the volume, once its guest has booted: before, it would not hear of it."""
    until(lambda: BOOTED[1] in console(fleet, used), "its guest has booted")
    on_node(NODE, f"virsh -q detach-disk {used.instance} {device(fleet, used).removeprefix('/dev/')} --live --config")
    until(lambda: not in_domain(on_node, used), "the domain has let go of it")


@contextmanager
def watching(on_node: Callable[[str, str], str], volume: str) -> Iterator[None]:
    """A client of Ceph on a node without the instance that has the volume's image open."""
    on_node(ELSEWHERE, WATCH.format(volume=volume))
    try:
        until(lambda: volume_watched(on_node, volume) == 1, "its watch is there")
        yield
    finally:
        on_node(ELSEWHERE, "echo > /tmp/watch.fifo; rm /tmp/watch.fifo")
        until(lambda: volume_watched(on_node, volume) == 0, "its watch has ended")


def volume_watched(on_node: Callable[[str, str], str], volume: str) -> int:
    """Return how many clients have a volume's image open."""
    return len(
        json.loads(on_node(ELSEWHERE, f"rbd --id cinder status --format json volumes/volume-{volume}"))["watchers"]
    )


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
    let_go(fleet, on_node, used)
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


def test_a_detach_that_got_stuck_behind_the_domain_is_ended_and_an_undo_attaches_it_again(
    stackmend: Command, fleet: Fleet, used: Used, world: World, on_node: Callable[[str, str], str]
) -> None:
    let_go(fleet, on_node, used)
    with broken(stackmend, "volume-detaching", "hang"):
        hand, step = Hand(world), DetachVolume.step(cure_of(world, used.volume, Repair.DETACH), 0)
        hand.carry_out(DetachVolume(), step)
        assert (attachments(fleet, used.volume), fleet.volumes(used.instance)) == ([], set())
        assert findings(world, used.volume) == {"volume-agreed": None}
        record = VolumeCure.from_json(dict(hand.memory.changes[step.id])).record
        assert (record["instance"], record["host"], record["status"]) == (used.instance, NODE, "attached")
        assert "by a new attachment and with its device" in hand.undo(DetachVolume(), step)
    assert findings(world, used.volume) == {"volume-agreed": None}
    assert in_domain(on_node, used)


def test_an_attachment_that_the_domain_rests_on_is_completed(stackmend: Command, used: Used, world: World) -> None:
    with broken(stackmend, "volume-half-attached", "hang"):
        assert findings(world, used.volume) == {"volume-half-attached": Repair.COMPLETE}
        step = CompleteVolume.step(cure_of(world, used.volume, Repair.COMPLETE), 0)
        Hand(world).carry_out(CompleteVolume(), step)
    assert findings(world, used.volume) == {"volume-agreed": None}


def test_an_attachment_unknown_to_nova_is_released_but_not_from_a_client_that_only_ceph_knows(
    stackmend: Command, fleet: Fleet, used: Used, world: World, on_node: Callable[[str, str], str]
) -> None:
    let_go(fleet, on_node, used)
    with broken(stackmend, "volume-unknown-to-nova", "hang"):
        with watching(on_node, used.volume):
            assert findings(world, used.volume) == {"volume-attachment-orphaned": None, "volume-watched": None}
            refused = stackmend("volume", "diagnose", used.volume, "--fix", "--yes", *SETTLED)
            assert (refused.status, "1 client has the image" in refused.err) == (3, True), refused.err
        fixed = stackmend("volume", "diagnose", used.volume, "--fix", "--yes", *SETTLED)
        assert fixed.status == 0, fixed.out + fixed.err
        assert (attachments(fleet, used.volume), fleet.volumes(used.instance)) == ([], set())
        assert fleet.cloud.block_storage.get_volume(used.volume).status == "available"
    fleet.attach(used.instance, used.volume)


def test_a_volume_that_only_the_domain_has_is_taken_by_a_reboot_where_that_is_allowed(
    stackmend: Command, fleet: Fleet, used: Used, world: World, on_node: Callable[[str, str], str]
) -> None:
    words = ("volume", "diagnose", used.volume, "--fix", "--yes", *SETTLED)
    with broken(stackmend, "volume-unknown-to-nova", "hang"):
        assert findings(world, used.volume)["volume-unknown-to-nova"] is Repair.REBOOT
        refused = stackmend(*words)
        assert (refused.status, "has it not attached" in refused.err) == (3, True), refused.err
        assert in_domain(on_node, used)
        fixed = stackmend(*words, "--interrupt", "hang")
        assert fixed.status == 0, fixed.out + fixed.err
        assert not in_domain(on_node, used)
    assert findings(world, used.volume) == {"volume-agreed": None}
    fleet.attach(used.instance, used.volume)


def test_an_attachment_that_nova_compute_never_came_to_is_withdrawn(
    fleet: Fleet, used: Used, world: World, on_node: Callable[[str, str], str]
) -> None:
    volume = fleet.volume("hang-begun")
    body = {"attachment": {"volume_uuid": volume, "instance_uuid": used.instance}}
    made = fleet.cloud.block_storage.post("/attachments", json=body, microversion=CINDER).json()["attachment"]["id"]
    sql = BEGUN.format(volume=volume, attachment=made, like=used.volume)
    on_node(CONTROLLER, f"mariadb << 'SQL'\n{sql};\nSQL")
    assert findings(world, volume) == {"volume-half-attached": Repair.REBOOT}
    Hand(world).carry_out(RebootForVolume(), RebootForVolume.step(cure_of(world, volume, Repair.REBOOT), 0))
    assert (attachments(fleet, volume), fleet.volumes(used.instance)) == ([], {used.volume})
    assert findings(world, volume) == findings(world, used.volume) == {"volume-agreed": None}


@pytest.mark.crash
def test_a_volume_that_cinder_has_forgotten_is_attached_anew_though_the_run_is_killed_at_every_record(
    stackmend: Command,
    fleet: Fleet,
    used: Used,
    world: World,
    on_node: Callable[[str, str], str],
    lab_env: dict[str, str],
) -> None:
    words = ("volume", "diagnose", used.volume, "--fix", "--yes", *SETTLED, "--prompt", "")
    name = device(fleet, used)
    with broken(stackmend, "volume-unknown-to-cinder", "hang"):
        assert findings(world, used.volume) == {"volume-unknown-to-cinder": Repair.REATTACH}
        assert stackmend(*words).status == 3
        killed = stackmend(*words, "--interrupt", "hang", extra={"STACKMEND_CRASH_AT": UP_TO_HELD})
        assert (killed.status, len(attachments(fleet, used.volume))) == (KILLED, 1), killed.out + killed.err
        undone = stackmend("runs", "undo", the_open_run(stackmend))
        assert undone.status == 0, undone.out + undone.err
        assert (attachments(fleet, used.volume), fleet.volumes(used.instance)) == ([], {used.volume})
        assert findings(world, used.volume) == {"volume-unknown-to-cinder": Repair.REATTACH}
        killed = stackmend(*words, "--interrupt", "hang", extra={"STACKMEND_CRASH_AT": "1"})
        assert killed.status == KILLED, killed.out + killed.err
        killed_at = kill_at_every_record(stackmend, lab_env, the_open_run(stackmend))
        assert {kind for kind, _ in killed_at} >= {"step-intent", "step-note", "step-applied", "step-done"}
    assert findings(world, used.volume) == {"volume-agreed": None}
    assert (in_domain(on_node, used), device(fleet, used)) == (True, name)
    assert [(a["instance"], a["status"]) for a in attachments(fleet, used.volume)] == [(used.instance, "attached")]
