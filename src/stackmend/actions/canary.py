"""Boot an instance on one node, see it run by nova and by libvirt, and delete it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stackmend.actions import gate
from stackmend.adapters.world import World
from stackmend.domain.health import CanaryOutcome
from stackmend.domain.node import Canary
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, Failed, Refused, StackmendError

VERSION = "2.79"
BOOT_SECONDS = 180.0
"""How long nova may take to make it ACTIVE: the image may have to be fetched first."""
GONE_SECONDS = 90.0

_RUNNING = "running"


@dataclass
class _Trial:
    """How far a canary came."""

    node: NodeName
    name: str
    instance: str = ""
    stage: str = "prepared"
    seconds: float = 0.0


def name_of(run: str, node: NodeName) -> str:
    """Return the name of a run's canary on a node, by which one that was left behind is found."""
    return f"stackmend-canary-{run}-{node}"


def fly(world: World, node: NodeName, run: str, progress: Callable[[str], None]) -> CanaryOutcome:
    """Boot the inventory's canary on a node and delete it again, whatever becomes of it.

    One that a killed attempt left is removed first. Nothing is raised for a canary that fails: the outcome says so.

    Args:
        world: the cloud; its inventory names the flavor, image and network.
        node: the node it is forced onto.
        run: id of the run, for the name.
        progress: told of each stage.
    """
    trial = _Trial(node, name_of(run, node))
    error = left = ""
    try:
        remove(world, node, run)
        _boot(world, trial, progress)
    except StackmendError as raised:
        error = raised.sentence
    try:
        gate.close(world, node)
        progress(f"canary on {node}: deleting it")
        remove(world, node, run)
    except StackmendError as raised:
        error, left = error or raised.sentence, trial.name
    stage = trial.stage if error else "gone"
    return CanaryOutcome(InstanceId(trial.instance), stage, trial.seconds, error, left)


def remove(world: World, node: NodeName, run: str) -> int:
    """Delete the run's canaries on a node and wait until nova and libvirt have forgotten them; return how many.

    Raises:
        Failed: COMMAND_TIMEOUT where one does not go; the APIs' and libvirt's errors.
    """
    found = _named(world, name_of(run, node))
    for server in found:
        _delete(world, node, InstanceId(server["id"]))
    return len(found)


def _boot(world: World, trial: _Trial, progress: Callable[[str], None]) -> None:
    parts = _parts(world)
    started = world.clock.monotonic()
    gate.open_for_forced(world, trial.node)
    server = {"name": trial.name, "availability_zone": f":{trial.node}", **parts}
    asked = world.openstack.post("compute", "/servers", version=VERSION, json={"server": server})["server"]
    trial.instance, trial.stage = str(asked["id"]), "asked for"
    _wait_active(world, trial, progress)
    trial.stage = "active"
    _wait_running(world, trial)
    trial.stage, trial.seconds = "running", world.clock.monotonic() - started


def _wait_active(world: World, trial: _Trial, progress: Callable[[str], None]) -> None:
    """Wait until nova has it ACTIVE on the node; the gate is closed as soon as a host is chosen."""
    closed = False

    def active() -> bool | None:
        nonlocal closed
        now = world.openstack.get("compute", f"/servers/{trial.instance}", version=VERSION)["server"]
        host = now.get("OS-EXT-SRV-ATTR:host")
        progress(f"canary on {trial.node}: {now['status']} {now.get('OS-EXT-STS:task_state') or ''}".rstrip())
        if now["status"] == "ERROR":
            raise _fault(trial, now)
        if host and not closed:
            gate.close(world, trial.node)
            closed = True
        if now["status"] == "ACTIVE" and host != trial.node:
            raise Failed(Code.INSTANCE_MOVED, f"nova booted it on {host}, not on {trial.node}")
        return now["status"] == "ACTIVE" or None

    if not world.clock.wait_for(active, timeout=BOOT_SECONDS, interval=1.0):
        raise Failed(Code.INSTANCE_LOST, f"it was not ACTIVE within {BOOT_SECONDS:.0f} s")


def _wait_running(world: World, trial: _Trial) -> None:
    def running() -> bool | None:
        return _domain_state(world, trial.node, InstanceId(trial.instance)) == _RUNNING or None

    if not world.clock.wait_for(running, timeout=15.0, interval=0.5):
        state = _domain_state(world, trial.node, InstanceId(trial.instance)) or "not there"
        raise Failed(Code.WITNESSES_DISAGREE, f"nova has it ACTIVE, but in libvirt it is {state}")


def _delete(world: World, node: NodeName, instance: InstanceId) -> None:
    try:
        world.openstack.delete("compute", f"/servers/{instance}", version=VERSION)
    except StackmendError as error:
        if error.code is not Code.API_NOT_FOUND:
            raise

    def gone() -> bool | None:
        return (_status(world, instance) is None and not _domain_state(world, node, instance)) or None

    if not world.clock.wait_for(gone, timeout=GONE_SECONDS, interval=1.0):
        raise Failed(Code.COMMAND_TIMEOUT, f"the canary instance {instance} was not gone within {GONE_SECONDS:.0f} s")


def _status(world: World, instance: InstanceId) -> str | None:
    try:
        found = world.openstack.get("compute", f"/servers/{instance}", version=VERSION)
    except StackmendError as error:
        if error.code is Code.API_NOT_FOUND:
            return None
        raise
    return str(found["server"]["status"])


def _domain_state(world: World, node: NodeName, instance: InstanceId) -> str:
    """Return ``virsh domstate``; empty where libvirt has no such domain.

    Raises:
        Failed: COMMAND_FAILED where libvirt does not answer.
    """
    virsh = "timeout 15 virsh -q -c qemu:///system"
    script = f"all=$({virsh} list --all --uuid) || exit 1\n"
    script += f'case "$all" in *{instance}*) {virsh} domstate {instance} || true;; esac'
    return world.ssh.run(node, script, timeout=45).stdout.strip()


def _named(world: World, name: str) -> list[dict[str, Any]]:
    params = {"all_tenants": "1", "name": f"^{name}$"}
    found = world.openstack.get_list("compute", "/servers/detail", "servers", version=VERSION, params=params)
    return [s for s in found if s["name"] == name]


def _parts(world: World) -> dict[str, Any]:
    """Return flavor, image and network of the canary as nova wants them."""
    canary = world.inventory.canary
    if canary is None:
        raise Refused(Code.INVENTORY_MISSING, "the inventory names no canary")
    return {
        "flavorRef": _id(world.openstack.get_list("compute", "/flavors", "flavors", version=VERSION), canary.flavor),
        "imageRef": _image(world, canary),
        "networks": [{"uuid": _id(world.openstack.get_list("network", "/networks", "networks"), canary.network)}],
    }


def _image(world: World, canary: Canary) -> str:
    found = world.openstack.get_list("image", "/images", "images", params={"name": canary.image})
    return _id(found, canary.image) if found else canary.image


def _id(found: list[dict[str, Any]], wanted: str) -> str:
    matching = [str(item["id"]) for item in found if wanted in {item["name"], item["id"]}]
    if not matching:
        raise Refused(
            Code.INVENTORY_MALFORMED,
            f"the cloud has no {wanted}, which the inventory's canary names",
            hint="correct it",
        )
    return matching[0]


def _fault(trial: _Trial, server: dict[str, Any]) -> Failed:
    message = server.get("fault", {}).get("message", "nova gives no reason")
    return Failed(Code.INSTANCE_LOST, f"nova: {message}", evidence={"instance": trial.instance})
