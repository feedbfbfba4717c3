"""A node that comes back is held until it is reconciled, and cleaned only of what is proved to be elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from carrying import Hand
from fleet import MICROVERSION, Ended, Fleet, connect
from openstack.connection import Connection

from stackmend.actions.base import Action
from stackmend.actions.clear_directories import ClearDirectories
from stackmend.actions.clear_domains import ClearDomains
from stackmend.actions.clear_records import ClearRecords
from stackmend.adapters.world import World
from stackmend.domain.plan import Step
from stackmend.domain.values import NodeName

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600, func_only=True)]

Command = Callable[..., Ended]
Script = Callable[[str, str], str]
NODE, OTHER = "c03", "c01"
"""A node with a directory of its own, and one that does not see it."""
PLACE = "/var/lib/nova/instances"
ALLOCATIONS = "1.28"
ATTACHMENTS = "3.44"
PAUSED = 4
HALF_WAY = "UPDATE instances SET task_state = 'rebuilding' WHERE uuid = '{}'"


@contextmanager
def serving(fleet: Fleet, clouds: str) -> Iterator[Connection]:
    """The administrator has the role of services meanwhile, which neutron asks for; with a new token."""
    identity = fleet.cloud.identity
    role = identity.get("/roles?name=service").json()["roles"][0]["id"]
    path = f"/projects/{fleet.cloud.current_project_id}/users/{fleet.cloud.current_user_id}/roles/{role}"
    assert identity.put(path).ok
    connection = connect(Path(clouds))
    try:
        yield connection
    finally:
        connection.close()
        assert identity.delete(path).ok


@dataclass(frozen=True)
class Left:
    """An instance that is elsewhere, and what a node and the services still have of it there."""

    fleet: Fleet
    on_node: Script
    instance: str
    volume: str
    clouds: str

    def leave(self) -> None:
        """Make what a node keeps that died half-way, or from which nova's database was told that it moved."""
        xml = self.on_node(OTHER, f"virsh dumpxml --inactive {self.instance}")
        self.on_node(NODE, f"cat >/run/left.xml <<'XML'\n{xml}\nXML\nvirsh define /run/left.xml; rm /run/left.xml")
        self.on_node(NODE, f"cd {PLACE}; mkdir {self.instance}; qemu-img create -q -f qcow2 {self.instance}/disk 1M")
        self._allocate()
        with serving(self.fleet, self.clouds) as cloud:
            binding = {"binding": {"host": NODE, "vnic_type": "normal"}}
            bound = cloud.network.post(f"/ports/{self.port}/bindings", json=binding)
            assert bound.ok, bound.text
        self.attach()

    @property
    def port(self) -> str:
        return str(next(iter(self.fleet.cloud.network.ports(device_id=self.instance))).id)

    def _allocate(self) -> None:
        placement = self.fleet.cloud.placement
        node = placement.get(f"/resource_providers?name={NODE}").json()["resource_providers"][0]["uuid"]
        record = placement.get(f"/allocations/{self.instance}", microversion=ALLOCATIONS).json()
        own = next(iter(record["allocations"].values()))["resources"]
        record["allocations"] = {
            **{uuid: {"resources": held["resources"]} for uuid, held in record["allocations"].items()},
            node: {"resources": own},
        }
        done = placement.put(f"/allocations/{self.instance}", json=record, microversion=ALLOCATIONS)
        assert done.ok, done.text

    def attach(self) -> None:
        """Give Cinder a second attachment of it, at the node."""
        cinder = self.fleet.cloud.block_storage
        body = {"volume_uuid": self.volume, "instance_uuid": self.instance, "connector": {"host": NODE}}
        made = cinder.post("/attachments", json={"attachment": body}, microversion=ATTACHMENTS)
        assert made.ok, made.text
        path = f"/attachments/{made.json()['attachment']['id']}/action"
        done = cinder.post(path, json={"os-complete": None}, microversion=ATTACHMENTS)
        assert done.ok, done.text

    def detach(self) -> None:
        """Delete what Cinder still has attached at the node."""
        cinder = self.fleet.cloud.block_storage
        for place in cinder.get(f"/volumes/{self.volume}", microversion=ATTACHMENTS).json()["volume"]["attachments"]:
            if place["host_name"] == NODE:
                cinder.delete(f"/attachments/{place['attachment_id']}", microversion=ATTACHMENTS)

    def there(self) -> set[str]:
        """Return what there is of it at the node."""
        cloud = self.fleet.cloud
        held = cloud.placement.get(f"/allocations/{self.instance}", microversion=ALLOCATIONS).json()["allocations"]
        bindings = cloud.network.get(f"/ports/{self.port}/bindings").json()["bindings"]
        attached = cloud.block_storage.get(f"/attachments?volume_id={self.volume}", microversion=ATTACHMENTS).json()
        return {
            *(["domain"] if self.instance in self.fleet.domains(NODE) else []),
            *(["directory"] if self.instance in self.on_node(NODE, f"ls {PLACE}") else []),
            *(["share"] if len(held) > 1 else []),
            *(["binding"] if any(b["host"] == NODE for b in bindings) else []),
            *(["attachment"] if len(attached["attachments"]) > 1 else []),
        }


EVERYTHING = {"domain", "directory", "share", "binding", "attachment"}


@pytest.fixture(scope="module")
def own(fleet: Fleet) -> str:
    """A running instance on the node that comes back."""
    return fleet.boot("readmit-own", NODE)


@pytest.fixture(scope="module")
def left(fleet: Fleet, lab: dict[str, str], on_node: Script, own: str) -> Iterator[Left]:
    """A stopped instance with a volume, elsewhere, of which the node and the services keep everything."""
    instance = fleet.boot("readmit-left", OTHER)
    volume = fleet.volume("readmit-left")
    fleet.wait(instance, "active")
    fleet.attach(instance, volume)
    fleet.act(instance, "os-stop", "stopped")
    fleet.wait(own, "active")
    one = Left(fleet, on_node, instance, volume, lab["OS_CLIENT_CONFIG_FILE"])
    try:
        one.leave()
        yield one
    finally:
        one.detach()
        on_node(NODE, f"virsh -q undefine {instance} 2>/dev/null; rm -rf {PLACE}/{instance} {PLACE}/.stackmend-trash")


@pytest.fixture
def forced_down(fleet: Fleet) -> Iterator[None]:
    """Nova is told that the node is down, though it is not."""
    _force(fleet, down=True)
    yield
    _force(fleet, down=False)


def _force(fleet: Fleet, *, down: bool) -> None:
    path = f"/os-services/{fleet.service(NODE)['id']}"
    done = fleet.cloud.compute.put(path, json={"forced_down": down}, microversion=MICROVERSION)
    assert done.ok, done.text


def test_an_undo_gives_back_what_was_cleaned(fleet: Fleet, world: World, left: Left) -> None:
    node, hand = NodeName(NODE), Hand(world)
    steps: list[tuple[Action, Step]] = [
        (ClearDomains(), ClearDomains.step(node)),
        (ClearDirectories(), ClearDirectories.step(node, 1)),
        (ClearRecords(), ClearRecords.step(node)),
    ]
    assert left.there() == EVERYTHING
    with serving(fleet, left.clouds):
        for action, step in steps:
            hand.carry_out(action, step)
    assert left.there() == set()
    with serving(fleet, left.clouds):
        for action, step in reversed(steps):
            hand.undo(action, step)
    assert left.there() == EVERYTHING - {"attachment"}
    left.attach()


def test_a_node_is_held_until_what_is_left_there_is_gone(
    stackmend: Command, fleet: Fleet, on_node: Script, own: str, left: Left, forced_down: None
) -> None:
    del forced_down
    readmit = ("node", "readmit", NODE, "--no-canary", "--yes")
    assert left.there() == EVERYTHING

    # an evacuation of one of its own was given up half-way: that is said, whatever else there is
    on_node("ctl01", f'mariadb nova -e "{HALF_WAY.format(own)}"')
    held = stackmend(*readmit)
    assert (held.status, "readmit-own" in held.out, "rebuilding" in held.out) == (PAUSED, True, True), held.out
    assert "openstack server set --state" in " ".join(held.out.split())
    reset = fleet.cloud.compute.post(f"/servers/{own}/action", json={"os-resetState": {"state": "active"}})
    assert reset.ok, reset.text

    # without --clean-up it is shown, and stays
    held = stackmend("runs", "resume", _run(stackmend))
    said = " ".join(held.out.split())
    assert (held.status, "--clean-up" in said, f"directory {left.instance}" in said) == (PAUSED, True, True), said
    assert f"readmit-left ({left.instance}) is shut off there, and nova has it stopped on {OTHER}" in said
    assert stackmend("runs", "abort", _run(stackmend)).status == 0
    assert left.there() == EVERYTHING

    # while nobody proves that the instance is elsewhere, nothing of it goes
    assert stackmend("lab", "break", "missing-xml", left.instance).status == 0
    held = stackmend(*readmit, "--clean-up")
    said = " ".join(held.out.split())
    assert (held.status, "but libvirt there does not have it" in said) == (PAUSED, True), said
    assert stackmend("lab", "heal", "missing-xml", left.instance).status == 0
    assert left.there() == EVERYTHING

    cleaned = stackmend("runs", "resume", _run(stackmend))
    assert cleaned.status == 0, cleaned.out + cleaned.err
    assert left.there() == {"binding"}
    assert left.instance in on_node(NODE, f"ls {PLACE}/.stackmend-trash/{_run(stackmend)}")
    assert fleet.service(NODE)["forced_down"] is False
    assert (fleet.host(left.instance), fleet.state(left.instance)) == (OTHER, "stopped")
    assert fleet.domains(OTHER)[left.instance] == "shut off"
    assert fleet.domains(NODE) == {own: "running"}
    reasons = " ".join(stackmend("runs", "show", _run(stackmend)).out.split())
    assert "and libvirt there has it shut off" in reasons
    assert "neutron's policy leaves that to the role service" in reasons


def _run(stackmend: Command) -> str:
    return str(stackmend("runs", "list", "-f", "json").json()[0]["id"])
