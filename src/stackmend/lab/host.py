"""One host of the lab: a systemd-nspawn container on layers of its own, with power that can be given and taken."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import signal
import uuid
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

from stackmend.errors import Code, Failed
from stackmend.lab import launch, network, process, shell, ssh, wait
from stackmend.lab.process import Process
from stackmend.lab.settings import CONTROLLER, Settings

_SPACE = uuid.UUID("6c0e7d0c-6f4f-4d0e-9a39-8f3b9f7e2a51")


class Host:
    """One host; what it is lives in the state directory, so any process may speak of it.

    Args:
        settings: the lab's.
        node: the host's name.
    """

    def __init__(self, settings: Settings, node: str) -> None:
        self.settings = settings
        self.node = node
        self.dir = settings.state / "hosts" / node

    @property
    def machine_id(self) -> uuid.UUID:
        """The host's own id, the same in every lab."""
        return uuid.uuid5(_SPACE, self.node)

    def supervisor(self) -> Process | None:
        """Return the process that keeps the host running; None where it has no power."""
        found = process.read(self.dir / "pid")
        return found if found is not None and found.alive() else None

    def start(self, lowers: Sequence[Path]) -> None:
        """Give it power; where it runs already, nothing happens.

        Args:
            lowers: read-only layers, uppermost first; remembered for the next start.
        """
        if self.supervisor() is not None:
            return
        for name in ("upper", "work", "root"):
            (self.dir / name).mkdir(parents=True, exist_ok=True)
        (self.dir / "lowers").write_text(":".join(map(str, lowers)))
        self.power_on()

    def power_on(self) -> None:
        """Give it power again, on the layers it was started with.

        Raises:
            Failed: it was never started, or its container does not come up.
        """
        with self._switch():
            if self.supervisor() is None:
                self._boot()

    def _boot(self) -> None:
        (self.dir / "pid").unlink(missing_ok=True)
        lowers = (self.dir / "lowers").read_text()
        with resources.as_file(resources.files("stackmend.lab") / "files" / "host.sh") as script:
            text = script.read_text()
        (self.dir / "host.sh").write_text(text)
        cgroups = "" if launch.systemd_is_init() else " ".join(map(str, cgroup_hierarchies()))
        argv = ["unshare", "--mount", "--propagation", "private", "sh", str(self.dir / "host.sh")]
        argv += [self.settings.machine(self.node), str(self.dir), lowers, cgroups, *self._nspawn()]
        unit = ("Delegate=yes", "KillMode=mixed", "TasksMax=infinity")
        machine = self.settings.machine(self.node)
        launch.detached(argv, name=machine, log=self.dir / "console.log", properties=unit)
        wait.until(self.supervisor, f"the container of {self.node}", seconds=20)

    def can_start(self) -> bool:
        """Return whether it was started once, and the layers that it was started on are still there."""
        remembered = self.dir / "lowers"
        return remembered.exists() and all(Path(p).is_dir() for p in remembered.read_text().split(":"))

    def _nspawn(self) -> list[str]:
        argv = ["--quiet", "--boot", "--settings=no", "--register=no", "--keep-unit", "--link-journal=no"]
        argv += [
            f"--machine={self.settings.machine(self.node)}",
            f"--hostname={self.node}",
            f"--uuid={self.machine_id}",
        ]
        argv += [f"--network-bridge={self.settings.bridge}", "--resolv-conf=off", "--timezone=off"]
        argv += ["--capability=all", "--console=pipe", "--bind=/dev/net/tun", *_disk_devices()]
        if self.node != CONTROLLER:
            instances = self.settings.instances_dir(self.node)
            instances.mkdir(parents=True, exist_ok=True)
            argv.append(f"--bind={instances}:/var/lib/nova/instances")
        return argv

    def halt(self, seconds: float = 60) -> None:
        """Shut it down cleanly; where it does not end in time, cut its power."""
        for container in self._containers():
            container.signal(signal.SIGTERM)
        try:
            wait.until(lambda: self.supervisor() is None, f"the end of {self.node}", seconds=seconds)
        except Failed:
            self.power_off()

    def power_off(self) -> None:
        """Cut its power: every process in it is killed at once, nothing is flushed."""
        with self._switch():
            self._kill()

    @contextlib.contextmanager
    def _switch(self) -> Iterator[None]:
        """Hold the host's power switch: a cut that still clears up would pull the cable of who is given power next."""
        folder = self.settings.state / "switches"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / self.node).open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _kill(self) -> None:
        supervisor = self.supervisor()
        if supervisor is None:
            return
        containers = self._containers()
        inside = [init for c in containers for child in c.children() for init in (child, *child.children())]
        for victim in (supervisor, *containers, *inside):
            victim.signal(signal.SIGKILL)
        everyone = (supervisor, *containers, *inside)
        wait.until(lambda: not any(p.alive() for p in everyone), f"the power cut of {self.node}", seconds=20)
        network.unplug(self.settings, self.node)

    def _containers(self) -> tuple[Process, ...]:
        supervisor = self.supervisor()
        return supervisor.children() if supervisor is not None else ()

    def wait_for_ssh(self, seconds: float = 90) -> None:
        """Return when commands can be run on it.

        Raises:
            Failed: it ended, or did not answer in time.
        """

        def question() -> bool:
            if self.supervisor() is None:
                raise Failed(
                    Code.LAB_START_FAILED,
                    f"The container of {self.node} ended while it booted",
                    hint=f"Its console is in {self.dir / 'console.log'}.",
                    evidence={"console": _last_lines(self.dir / "console.log")},
                )
            return ssh.answers(self.settings, self.node)

        wait.until(question, f"ssh on {self.node}", seconds=seconds)

    def erase(self) -> None:
        """Remove all that it wrote; it must have no power."""
        if self.dir.exists():
            shutil.rmtree(self.dir)
        for hierarchy in cgroup_hierarchies():
            _remove_cgroup(hierarchy / "stackmend-lab" / self.settings.machine(self.node))


def _disk_devices() -> list[str]:
    """Return what lets a host show disks by FUSE and mount files; as the machine has them."""
    wanted = [Path("/dev/fuse"), Path("/dev/loop-control"), *sorted(Path("/dev").glob("loop[0-9]*"))]
    return [f"--bind={device}" for device in wanted if device.exists()]


def cgroup_hierarchies() -> list[Path]:
    """Return the control group hierarchies that systemd in a container works with: v2, and v1's ``name=systemd``."""
    found = []
    for line in Path("/proc/mounts").read_text().splitlines():
        _, where, kind, options, *_ = line.split()
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(",")):
            found.append(Path(where))
    return found


def _remove_cgroup(group: Path) -> None:
    """Remove a control group, and the one above it where that was the last in it; the kernel empties them late."""
    wait.until(lambda: _try_remove(group), f"control group {group} to be empty", seconds=20)
    with contextlib.suppress(OSError):
        group.parent.rmdir()


def _try_remove(group: Path) -> bool:
    try:
        for inner, _, _ in os.walk(group, topdown=False):
            Path(inner).rmdir()
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


def _last_lines(path: Path) -> str:
    return path.read_text(errors="replace")[-shell.TAIL :] if path.exists() else ""
