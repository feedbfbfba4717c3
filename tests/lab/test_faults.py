"""Each fault breaks what it says, and its heal returns when that works again."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fleet import Ended, Fleet, until

from stackmend.lab.settings import from_environment
from stackmend.lab.state import recall

pytestmark = pytest.mark.lab

Command = Callable[..., Ended]
Script = Callable[[str, str], str]
NODE = "c03"
MICROVERSION = "2.90"


@pytest.fixture(autouse=True)
def healed(stackmend: Command) -> Iterator[None]:
    """Leave nothing broken behind."""
    yield
    ended = stackmend("lab", "heal")
    assert ended.status == 0, ended.out + ended.err


@pytest.fixture(scope="module")
def inhabitant(fleet: Fleet) -> str:
    """A busy instance on the node that is broken."""
    instance = fleet.boot("broken-1", NODE, image="lab-linux-busy")
    fleet.wait(instance, "active")
    return instance


def qemu_runs(instance: str) -> bool:
    """Whether a QEMU of that instance runs anywhere on this machine, by the machine's own kernel."""
    lines = (p / "cmdline" for p in Path("/proc").iterdir() if p.name.isdigit())
    return any(instance.encode() in p.read_bytes().split(b"\0") for p in lines if p.exists())


def answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=2).close()
    except OSError:
        return False
    return True


def address_of(node: str) -> str:
    return recall(from_environment()).address(node)


def break_and_heal(stackmend: Command, fault: str, node: str, shows: Callable[[], bool]) -> None:
    assert not shows()
    broken = stackmend("lab", "break", fault, node)
    assert broken.status == 0, broken.err
    assert shows()
    assert f"broken now: {fault} on {node}" in stackmend("lab", "break").out
    healed = stackmend("lab", "heal", fault, node)
    assert healed.status == 0, healed.out + healed.err
    assert not shows()
    assert "broken now" not in stackmend("lab", "break").out


@pytest.mark.parametrize(
    ("fault", "look", "sign"),
    [
        ("compute-wedge", "ps -o stat= -p $(systemctl show -P MainPID nova-compute)", "T"),
        ("libvirt-stop", "virsh -q uri 2>&1 || true", "error"),
        ("dbus-stop", "systemctl is-active dbus.service || true", "inactive"),
    ],
)
def test_a_service_of_a_compute_node(
    fault: str, look: str, sign: str, stackmend: Command, on_node: Script, fleet: Fleet
) -> None:
    break_and_heal(stackmend, fault, NODE, lambda: on_node(NODE, look).startswith(sign))
    assert fleet.service(NODE)["state"] == "up"
    assert fleet.service(NODE)["status"] == "enabled"


# stopping RabbitMQ and nova-compute, and healing that, is in test_status.py: both take long to be heard again
@pytest.mark.parametrize(("fault", "port"), [("mariadb-stop", 3306), ("nova-api-stop", 8774)])
def test_a_service_of_the_controller(fault: str, port: int, stackmend: Command, fleet: Fleet) -> None:
    break_and_heal(stackmend, fault, "ctl01", lambda: not answers(address_of("ctl01"), port))
    assert fleet.service(NODE)["state"] == "up"


def test_a_migration_fails_and_leaves_the_instance_where_it_was(
    stackmend: Command, fleet: Fleet, inhabitant: str
) -> None:
    assert stackmend("lab", "break", "migrations-fail", NODE).status == 0
    migrate(fleet, inhabitant)
    until(lambda: migration_status(fleet, inhabitant) in {"error", "failed"}, "the migration fails", timeout=120)
    until(lambda: fleet.state(inhabitant) == "active", "nova has rolled back", timeout=60)
    assert fleet.host(inhabitant) == NODE
    assert fleet.running_on(inhabitant, ("c01", "c02", NODE)) == [NODE]


@pytest.mark.long
def test_a_busy_instance_does_not_converge_until_healed(stackmend: Command, fleet: Fleet, inhabitant: str) -> None:
    assert stackmend("lab", "break", "slow-migration", NODE).status == 0
    migrate(fleet, inhabitant)
    until(lambda: migration_status(fleet, inhabitant) == "running", "the migration runs", timeout=60)
    with pytest.raises(AssertionError, match="it converges"):
        until(lambda: migration_status(fleet, inhabitant) != "running", "it converges", timeout=60)
    assert stackmend("lab", "heal", "slow-migration", NODE).status == 0
    until(lambda: fleet.state(inhabitant) == "active" and fleet.host(inhabitant) == "c02", "it arrives", timeout=120)
    migrate(fleet, inhabitant, NODE)
    until(lambda: fleet.state(inhabitant) == "active" and fleet.host(inhabitant) == NODE, "it is back", timeout=120)


def test_a_cut_cable_leaves_the_instance_running_unseen(stackmend: Command, inhabitant: str) -> None:
    break_and_heal(stackmend, "network-cut", NODE, lambda: not answers(address_of(NODE), 22))
    assert qemu_runs(inhabitant)


def test_a_power_cut_kills_the_instance_too(stackmend: Command, fleet: Fleet, inhabitant: str) -> None:
    assert qemu_runs(inhabitant)
    assert stackmend("lab", "break", "power-cut", NODE).status == 0
    assert not qemu_runs(inhabitant)
    assert not answers(address_of(NODE), 22)
    healed = stackmend("lab", "heal")
    assert healed.status == 0, healed.out + healed.err
    assert fleet.service(NODE)["state"] == "up"
    until(lambda: fleet.state(inhabitant) == "stopped", "nova sees that it does not run", timeout=180)
    fleet.act(inhabitant, "os-start", "active")
    assert qemu_runs(inhabitant)


def migrate(fleet: Fleet, instance: str, target: str = "c02") -> None:
    body = {"os-migrateLive": {"host": target, "block_migration": "auto"}}
    answer = fleet.cloud.compute.post(f"/servers/{instance}/action", json=body, microversion=MICROVERSION)
    assert answer.ok, answer.text


def migration_status(fleet: Fleet, instance: str) -> str:
    """Return the status of an instance's latest migration."""
    answer = fleet.cloud.compute.get(f"/os-migrations?instance_uuid={instance}", microversion=MICROVERSION)
    found = sorted(answer.json()["migrations"], key=lambda one: one["id"])
    return str(found[-1]["status"]) if found else "none"
