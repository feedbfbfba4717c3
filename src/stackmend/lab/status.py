"""What can be seen of the lab from outside: its hosts, their power and memory, whether its cloud answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stackmend.lab import cloud, credentials, ssh, state
from stackmend.lab.host import Host
from stackmend.lab.settings import CONTROLLER, Settings

_KIB_PER_MIB = 1024


@dataclass(frozen=True)
class HostStatus:
    """What can be said of one host.

    Attributes:
        node: its name.
        address: on the hosts' network.
        power: whether its container runs.
        ssh: whether a command can be run on it.
        service: on a compute node, whether nova takes its nova-compute for alive; on the controller, whether keystone
            gives tokens.
        memory_mb: MiB of memory in use by all that runs in it, shared pages counted by their share.
    """

    node: str
    address: str
    power: bool
    ssh: bool
    service: bool
    memory_mb: int


@dataclass(frozen=True)
class LabStatus:
    """The lab as it is.

    Attributes:
        exists: whether there is one, whole or not.
        ready: whether it was brought up to its end.
        volumes: whether Cinder would make a volume now: its scheduler knows a backend, and that is alive.
        hosts: each of its hosts.
    """

    exists: bool
    ready: bool
    volumes: bool
    hosts: tuple[HostStatus, ...]


def look(settings: Settings) -> LabStatus:
    """Look at the lab; changes nothing, and works whatever state it is in."""
    there = state.recall(settings)
    exists = (there.state / "passwords.json").exists()
    powered = {node for node in there.nodes if exists and Host(there, node).supervisor() is not None}
    alive, volumes = _services(there) if CONTROLLER in powered else (set[str](), False)
    memory = memory_by_group()
    hosts = (
        HostStatus(
            node,
            there.address(node),
            node in powered,
            node in powered and ssh.answers(there, node),
            node in alive,
            memory.get(there.machine(node), 0),
        )
        for node in there.nodes
    )
    return LabStatus(exists, state.is_ready(there), volumes, tuple(hosts) if exists else ())


def _services(settings: Settings) -> tuple[set[str], bool]:
    """Return the nodes whose service is alive, and whether Cinder would make a volume."""
    connection = cloud.connect(settings, credentials.passwords(settings.state))
    try:
        if not cloud.gives_token(connection):
            return set(), False
        return {CONTROLLER, *cloud.computes_up(connection)}, cloud.volumes_ready(connection)
    finally:
        connection.close()


def memory_by_group(proc: Path = Path("/proc")) -> dict[str, int]:
    """Return the MiB that the processes of each of the lab's control groups use, by the group's name.

    Args:
        proc: where the kernel shows processes.
    """
    kib: dict[str, int] = {}
    for process in proc.iterdir():
        if not process.name.isdigit():
            continue
        try:
            group = group_of((process / "cgroup").read_text())
            if group:
                kib[group] = kib.get(group, 0) + _pss_kib((process / "smaps_rollup").read_text())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return {name: total // _KIB_PER_MIB for name, total in kib.items()}


def group_of(cgroup: str) -> str:
    """Return the name of the lab's host that a process belongs to, from its ``/proc/PID/cgroup``; empty for none."""
    for line in cgroup.splitlines():
        _, mark, rest = line.partition("stackmend-lab")
        if mark:
            return rest.lstrip("/-").partition("/")[0].removesuffix(".service")
    return ""


def _pss_kib(rollup: str) -> int:
    line = next((line for line in rollup.splitlines() if line.startswith("Pss:")), "Pss: 0 kB")
    return int(line.split()[1])
