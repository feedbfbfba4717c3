"""The lab's life: up, down, reset, status."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from stackmend.errors import Code, Refused
from stackmend.lab import base, cloud, credentials, golden, network, outputs, prerequisites
from stackmend.lab.host import Host
from stackmend.lab.layers import Layer
from stackmend.lab.progress import Progress
from stackmend.lab.settings import Settings, require_root


@dataclass(frozen=True)
class HostStatus:
    """What can be said of one host.

    Attributes:
        node: its name.
        address: on the hosts' network.
        power: whether its container runs.
        memory_mb: resident MiB of all that runs in it.
    """

    node: str
    address: str
    power: bool


def up(settings: Settings, progress: Progress) -> bool:
    """Bring the lab up; return False where it was up already.

    Raises:
        Refused: another call is at work, or something is in the way.
        Failed: a part could not be built or did not come up.
    """
    require_root()
    with lock(settings):
        if is_up(settings):
            return False
        prerequisites.check(settings)
        prerequisites.install(settings, progress)
        network.check(settings)
        _stop_hosts(settings)
        base.ensure(settings, progress)
        network.create(settings)
        golden.ensure(settings, progress)
        _start(settings, progress)
    return True


def down(settings: Settings, progress: Progress) -> None:
    """Take the lab down and remove all of it but the cache; nothing happens where there is none."""
    require_root()
    with lock(settings), progress.phase("taking the lab down"):
        _stop_hosts(settings)
        network.remove(settings)
        _erase(settings)


def reset(settings: Settings, progress: Progress) -> None:
    """Bring the lab back to the pristine cloud.

    Raises:
        Refused: there is no lab that is up.
    """
    require_root()
    with lock(settings):
        if not (settings.state / "env").exists():
            raise Refused(Code.LAB_NOT_UP, "There is no lab to reset", hint="Start one: stackmend lab up")
        with progress.phase("throwing the old cloud away"):
            _stop_hosts(settings)
            _erase(settings)
        base.ensure(settings, progress)
        network.check(settings)
        network.create(settings)
        golden.ensure(settings, progress)
        _start(settings, progress)


def is_up(settings: Settings) -> bool:
    """Return whether the lab was brought up to its end and every host has power."""
    ready = (settings.state / "ready").exists()
    return ready and all(status.power for status in hosts(settings))


def hosts(settings: Settings) -> list[HostStatus]:
    """Return what can be said of each host."""
    return [
        HostStatus(node, settings.address(node), Host(settings, node).supervisor() is not None)
        for node in settings.nodes
    ]


def _start(settings: Settings, progress: Progress) -> None:
    machines = [Host(settings, node) for node in settings.nodes]
    folder = golden.path(settings)
    with progress.phase("booting the hosts"):
        outputs.write(settings, folder)
        _instance_folders(settings)
        for machine in machines:
            machine.start(golden.lowers(settings, machine.node))
        with ThreadPoolExecutor() as pool:
            list(pool.map(Host.wait_for_ssh, machines))
    with progress.phase("waiting for the cloud"):
        connection = cloud.connect(settings, credentials.passwords(folder))
        cloud.wait_until_whole(connection, settings)
        connection.close()
    (settings.state / "ready").touch()


def _instance_folders(settings: Settings) -> None:
    nova = Layer(settings.state, base.path(settings)).uid("nova")
    for node in settings.compute_names:
        folder = settings.instances_dir(node)
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, nova, nova)


def _stop_hosts(settings: Settings) -> None:
    (settings.state / "ready").unlink(missing_ok=True)
    for machine in _known_hosts(settings):
        machine.power_off()
        machine.erase()


def _known_hosts(settings: Settings) -> list[Host]:
    folder = settings.state / "hosts"
    return [Host(settings, entry.name) for entry in sorted(folder.iterdir())] if folder.is_dir() else []


def _erase(settings: Settings) -> None:
    if settings.state.is_dir():
        for entry in settings.state.iterdir():
            if entry.name == "lock":
                continue
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


@contextmanager
def lock(settings: Settings) -> Iterator[None]:
    """Hold the lab for one call.

    Raises:
        Refused: another call holds it; the sentence has its pid.
    """
    settings.state.mkdir(parents=True, exist_ok=True)
    with (settings.state / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise Refused(
                Code.LAB_BUSY,
                f"Process {file.read().strip() or 'unknown'} is at work on the lab",
                hint="Wait until it ends.",
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
