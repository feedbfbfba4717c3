"""The provisioned layers: one per host, made once, from which every start of the lab begins."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import resources
from pathlib import Path

from openstack.connection import Connection

from stackmend.lab import (
    base,
    cloud,
    compute,
    control,
    credentials,
    guest,
    holds,
    images,
    outputs,
    shell,
    storage,
    wait,
)
from stackmend.lab.host import Host
from stackmend.lab.layers import Layer
from stackmend.lab.progress import Progress
from stackmend.lab.settings import CONTROLLER, Settings

_RECIPE = (
    "cloud.py",
    "common.py",
    "compute.py",
    "control.py",
    "credentials.py",
    "golden.py",
    "guest.py",
    "images.py",
    "initramfs.py",
    "layers.py",
    "storage.py",
)

_HOST_SCRIPT = "host.sh"
"""Runs a host, and is no part of it."""


@cache
def key(settings: Settings) -> str:
    """Return the name of the layers that the recipe makes for a lab of that shape; one answer for a whole process."""
    digest = hashlib.sha256(f"{base.key()} {settings.computes} {settings.subnet}".encode())
    package = resources.files("stackmend.lab")
    files = [package / name for name in _RECIPE]
    files += sorted((f for f in (package / "files").iterdir() if f.name != _HOST_SCRIPT), key=lambda f: f.name)
    for file in files:
        if file.is_file():
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


def path(settings: Settings) -> Path:
    """Return where the layers are, or will be."""
    return settings.cache / f"golden-{key(settings)}"


def lowers(settings: Settings, node: str) -> list[Path]:
    """Return the read-only layers of a host, uppermost first."""
    return [path(settings) / "layers" / node, base.path(settings)]


def ensure(settings: Settings, progress: Progress) -> Path:
    """Return the layers, made now unless the cache has them; needs the bridge, and no host with power.

    Raises:
        Failed: a host or a service did not come up.
    """
    done = path(settings)
    if done.is_dir():
        return done
    building = settings.cache / "golden.building"
    for old in (building, *settings.cache.glob("golden-*")):
        holds.clear_out(old)
    _Build(settings, progress, building).run()
    os.sync()
    building.rename(done)
    return done


class _Build:
    def __init__(self, settings: Settings, progress: Progress, folder: Path) -> None:
        self.settings = settings
        self.progress = progress
        self.folder = folder
        self.hosts = {node: Host(settings, node) for node in settings.nodes}
        self.passwords: dict[str, str] = {}

    def run(self) -> None:
        with self.progress.phase("provisioning: the hosts' files"):
            self._files()
        try:
            self._provision()
        finally:
            with self.progress.phase("provisioning: shutting the hosts down"), ThreadPoolExecutor() as pool:
                list(pool.map(Host.halt, self.hosts.values()))
        layers = self.folder / "layers"
        layers.mkdir()
        for node, host in self.hosts.items():
            shell.run(["mv", str(host.dir / "upper"), str(layers / node)])
            host.erase()

    def _files(self) -> None:
        credentials.make(self.folder, self.settings)
        self.passwords = credentials.passwords(self.folder)
        outputs.write(self.settings, self.folder)
        for node, host in self.hosts.items():
            host.erase()
            upper = host.dir / "upper"
            upper.mkdir(parents=True)
            layer = Layer(upper, base.path(self.settings))
            if node == CONTROLLER:
                control.write(layer, self.settings, self.folder, self.passwords)
            else:
                compute.write(layer, self.settings, node, self.folder, self.passwords)

    def _provision(self) -> None:
        with self.progress.phase("provisioning: booting the hosts"):
            for host in self.hosts.values():
                host.start([base.path(self.settings)])
            self.hosts[CONTROLLER].wait_for_ssh()
        with ThreadPoolExecutor(2) as pool:
            hypervisors = pool.submit(self._hypervisors)
            ceph = pool.submit(storage.ceph, self.settings)
            with self.progress.phase("provisioning: database, messages, OVN"):
                control.stores(self.settings, self.passwords)
            with self.progress.phase("provisioning: the services' schemas"):
                control.schemas(self.settings, self.passwords)
            hypervisors.result()
            ceph.result()
        connection = cloud.connect(self.settings, self.passwords)
        with self.progress.phase("provisioning: services and endpoints"):
            cloud.wait_for_keystone(connection)
            cloud.register_services(connection, self.settings, self.passwords)
            connection.close()
        connection = cloud.connect(self.settings, self.passwords)  # a new token, whose catalog has the endpoints
        with self.progress.phase("provisioning: the services start"):
            self._services(connection)
        with self.progress.phase("provisioning: flavors, network, images"):
            cloud.register_content(connection)
            files = guest.build(base.path(self.settings), self.settings.cache / "guest")
            images.register_guest_images(connection, files)
        connection.close()

    def _hypervisors(self) -> None:
        for node in self.settings.compute_names:
            self.hosts[node].wait_for_ssh()
            compute.hypervisor(self.settings, node)

    def _services(self, connection: Connection) -> None:
        control.servers(self.settings)
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: compute.nova(self.settings, node), self.settings.compute_names))
        wanted = set(self.settings.compute_names)
        wait.until(lambda: wanted <= cloud.computes_up(connection), "every nova-compute", seconds=120)
        control.map_hosts(self.settings)
        cloud.wait_until_whole(connection, self.settings)
