"""The lab's life: up, down, reset."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from stackmend.errors import Code, Refused
from stackmend.lab import base, cloud, credentials, golden, holds, network, outputs, power, prerequisites, state
from stackmend.lab.host import Host
from stackmend.lab.layers import Layer
from stackmend.lab.progress import Progress
from stackmend.lab.settings import Settings, require_root


def up(settings: Settings, progress: Progress) -> bool:
    """Bring the lab up; one that lost power, in part or with the machine, gets it back and keeps what is in it.

    Returns:
        False where it was up already.

    Raises:
        Refused: another call is at work, or something is in the way.
        Failed: a part could not be built or did not come up.
    """
    require_root()
    with lock(settings):
        there = state.recall(settings)
        if state.is_ready(there) and _whole_layers(there):
            return _power_back(there, progress)
        _remove(there)
        prerequisites.check(settings)
        prerequisites.install(settings, progress)
        prerequisites.load_modules()
        network.check(settings)
        _build_and_start(settings, progress)
    return True


def down(settings: Settings, progress: Progress) -> None:
    """Take the lab down and remove all of it but the cache; nothing happens where there is none."""
    require_root()
    with lock(settings), progress.phase("taking the lab down"):
        _remove(state.recall(settings))


def reset(settings: Settings, progress: Progress) -> None:
    """Bring the lab back to the pristine cloud.

    Raises:
        Refused: there is no lab.
    """
    require_root()
    with lock(settings):
        there = state.recall(settings)
        if not (there.state / "env").exists():
            raise Refused(Code.LAB_NOT_UP, "There is no lab to reset", hint="Start one: stackmend lab up")
        with progress.phase("throwing the old cloud away"):
            _remove(there)
        network.check(there)
        _build_and_start(there, progress)


def _build_and_start(settings: Settings, progress: Progress) -> None:
    state.remember(settings)
    machines = [Host(settings, node) for node in settings.nodes]
    with holds.cache(settings, progress):
        base.ensure(settings, progress)
        network.create(settings)
        golden.ensure(settings, progress)
        outputs.write(settings, golden.path(settings))
        _instance_folders(settings)
        for machine in machines:
            machine.start(golden.lowers(settings, machine.node))
    power.start(settings)
    with progress.phase("booting the hosts"):
        _wait_for_ssh(machines)
    _wait_for_cloud(settings, progress)
    state.mark_ready(settings)


def _power_back(settings: Settings, progress: Progress) -> bool:
    network.check(settings)
    network.create(settings)
    restarted = power.start(settings)
    dark = [host for host in (Host(settings, node) for node in settings.nodes) if host.supervisor() is None]
    if dark:
        with progress.phase(f"giving power back to {', '.join(host.node for host in dark)}"):
            for host in dark:
                host.power_on()
            _wait_for_ssh(dark)
        _wait_for_cloud(settings, progress)
    return restarted or bool(dark)


def _wait_for_ssh(machines: list[Host]) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(Host.wait_for_ssh, machines))


def _wait_for_cloud(settings: Settings, progress: Progress) -> None:
    with progress.phase("waiting for the cloud"):
        connection = cloud.connect(settings, credentials.passwords(settings.state))
        cloud.wait_until_whole(connection, settings)
        connection.close()


def _whole_layers(settings: Settings) -> bool:
    return all(Host(settings, node).can_start() for node in settings.nodes)


def _instance_folders(settings: Settings) -> None:
    nova = Layer(settings.state, base.path(settings)).uid("nova")
    for node in settings.compute_names:
        folder = settings.instances_dir(node)
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, nova, nova)


def _remove(settings: Settings) -> None:
    state.unmark_ready(settings)
    power.stop(settings)
    folder = settings.state / "hosts"
    for name in sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []:
        host = Host(settings, name)
        host.power_off()
        host.erase()
    network.remove(settings)
    for entry in settings.state.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != "lock":
            entry.unlink()


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
            pid = file.read().strip() or "unknown"
            sentence = f"Another call, process {pid}, is at work on the lab"
            raise Refused(Code.LAB_BUSY, sentence, hint="Wait until it ends.", evidence={"pid": pid}) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
