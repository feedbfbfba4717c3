"""Instances for lab tests, looked at by openstacksdk and by the hosts: not by the code that is tested."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openstack
from openstack.connection import Connection

STACKMEND = Path(__file__).parents[2] / ".venv/bin/stackmend"
MICROVERSION = "2.90"


@dataclass(frozen=True)
class Ended:
    """A command that ended: exit status, standard output and standard error."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        """Return standard output, parsed."""
        return json.loads(self.out)


def stackmend(*args: str, env: dict[str, str], timeout: float = 900, typed: str = "") -> Ended:
    """Run the command line as a user would, without a terminal; ``typed`` is its standard input."""
    done = subprocess.run(
        [str(STACKMEND), *args],
        env=env,
        input=typed,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


Stackmend = Callable[..., Ended]
"""The fixture ``stackmend``: a command line, carried out."""


@contextmanager
def broken(stackmend: Stackmend, fault: str, node: str) -> Iterator[None]:
    """A fault of the lab, healed at the end."""
    done = stackmend("lab", "break", fault, node)
    assert done.status == 0, done.err
    try:
        yield
    finally:
        healed = stackmend("lab", "heal", fault, node)
        assert healed.status == 0, healed.err


def until(question: Callable[[], bool], what: str, *, timeout: float = 120) -> None:
    """Ask until it is so; fail the test where it is not in time."""
    deadline = time.monotonic() + timeout
    while not question():
        assert time.monotonic() < deadline, f"not in {timeout:.0f} s: {what}"
        time.sleep(0.5)


class Fleet:
    """Instances of one test module, made on a node and deleted at its end."""

    def __init__(self, connection: Connection, run: Callable[[str, str], str]) -> None:
        self.cloud = connection
        self._run = run
        self._ids: list[str] = []
        self._volumes: list[str] = []

    def boot(
        self,
        name: str,
        node: str,
        *,
        image: str = "lab-linux",
        flavor: str = "lab.tiny",
        from_volume: bool = False,
        hints: dict[str, str] | None = None,
    ) -> str:
        """Ask for an instance on a node, its root disk a file or a volume that goes with it; return its id."""
        image_id = self.cloud.image.find_image(image, ignore_missing=False).id
        root = {"destination_type": "volume", "volume_size": 1} if from_volume else {"destination_type": "local"}
        disk = {"boot_index": 0, "source_type": "image", "uuid": image_id, "delete_on_termination": True, **root}
        body: dict[str, Any] = {
            "server": {
                "name": name,
                "flavorRef": self.cloud.compute.find_flavor(flavor, ignore_missing=False).id,
                **({} if from_volume else {"imageRef": image_id}),
                "block_device_mapping_v2": [disk],
                "networks": [{"uuid": self.cloud.network.find_network("lab-net", ignore_missing=False).id}],
                "host": node,
            }
        }
        if hints:
            body["os:scheduler_hints"] = hints
        answer = self.cloud.compute.post("/servers", json=body, microversion=MICROVERSION)
        assert answer.ok, answer.text
        self._ids.append(answer.json()["server"]["id"])
        return self._ids[-1]

    def show(self, instance: str) -> dict[str, Any]:
        """Return nova's record of an instance; empty where it is deleted."""
        answer = self.cloud.compute.get(f"/servers/{instance}", microversion=MICROVERSION)
        return dict(answer.json()["server"]) if answer.ok else {}

    def host(self, instance: str) -> str:
        """Return the node that nova has it on."""
        return str(self.show(instance).get("OS-EXT-SRV-ATTR:host") or "")

    def state(self, instance: str) -> str:
        """Return nova's vm_state of it, with the task where it has one."""
        record = self.show(instance)
        task = record.get("OS-EXT-STS:task_state")
        return str(record.get("OS-EXT-STS:vm_state", "deleted")) + (f" ({task})" if task else "")

    def wait(self, instance: str, state: str) -> None:
        """Wait until it is in a state and nova works on it no more."""
        until(lambda: self.state(instance) == state, f"{instance} is {state}", timeout=240)

    def act(self, instance: str, action: str, state: str, arguments: Any = None) -> None:
        """Ask nova for an action, and wait for the state it leads to."""
        answer = self.cloud.compute.post(
            f"/servers/{instance}/action", json={action: arguments}, microversion=MICROVERSION
        )
        assert answer.ok, answer.text
        self.wait(instance, state)

    def volume(self, name: str) -> str:
        """Make an empty volume of 1 GiB; return its id once it can be attached."""
        volume = str(self.cloud.block_storage.create_volume(name=name, size=1).id)
        self._volumes.append(volume)
        self.wait_volume(volume, "available")
        return volume

    def attach(self, instance: str, volume: str) -> None:
        """Attach a volume to an instance, and wait until Cinder has it in use."""
        body = {"volumeAttachment": {"volumeId": volume}}
        answer = self.cloud.compute.post(f"/servers/{instance}/os-volume_attachments", json=body)
        assert answer.ok, answer.text
        self.wait_volume(volume, "in-use")

    def volumes(self, instance: str) -> set[str]:
        """Return the volumes that nova has attached to an instance."""
        answer = self.cloud.compute.get(f"/servers/{instance}/os-volume_attachments")
        return {str(one["volumeId"]) for one in answer.json()["volumeAttachments"]}

    def wait_volume(self, volume: str, status: str) -> None:
        """Wait until Cinder has a volume in a status."""
        until(lambda: self.cloud.block_storage.get_volume(volume).status == status, f"volume {volume} is {status}")

    def domains(self, node: str) -> dict[str, str]:
        """Return the state of each libvirt domain on a node by its UUID, as virsh says."""
        script = 'for u in $(virsh -q list --all --uuid); do echo "$u $(virsh -q domstate $u)"; done'
        lines = [line.split(" ", 1) for line in self._run(node, script).splitlines() if line.strip()]
        return {uuid: state.strip() for uuid, state in lines}

    def running_on(self, instance: str, nodes: tuple[str, ...]) -> list[str]:
        """Return the nodes whose libvirt runs it, paused or not."""
        return [n for n in nodes if self.domains(n).get(instance) in {"running", "paused"}]

    def service(self, node: str) -> dict[str, Any]:
        """Return nova's record of a nova-compute service."""
        answer = self.cloud.compute.get(f"/os-services?binary=nova-compute&host={node}", microversion=MICROVERSION)
        return dict(answer.json()["services"][0])

    def delete(self, *instances: str) -> None:
        """Delete instances, and wait until they are gone."""
        for instance in instances:
            self.cloud.compute.delete_server(instance, force=False, ignore_missing=True)
        until(lambda: not any(map(self.show, instances)), "instances are deleted", timeout=240)
        self._ids = [i for i in self._ids if i not in instances]

    def clear(self) -> None:
        """Delete every instance and volume that was made, and wait until they are gone."""
        self.delete(*self._ids)
        for volume in self._volumes:
            self.wait_volume(volume, "available")
            self.cloud.block_storage.delete_volume(volume)
        until(lambda: not self._left(), "volumes are deleted")
        self._volumes.clear()

    def _left(self) -> set[str]:
        return {str(volume.id) for volume in self.cloud.block_storage.volumes(details=False)} & set(self._volumes)


def connect(clouds_file: Path) -> Connection:
    """Return an administrator's connection to the lab's cloud."""
    return openstack.connection.Connection(
        config=openstack.config.OpenStackConfig(config_files=[str(clouds_file)]).get_one("lab")
    )
