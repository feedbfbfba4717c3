"""What the machine must have before a lab is built: programs, memory, disk."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from stackmend.errors import Code, Failed, Refused
from stackmend.lab import base, golden, shell
from stackmend.lab.progress import Progress
from stackmend.lab.settings import Settings

PROGRAMS = {
    "debootstrap": "debootstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "qemu-img": "qemu-utils",
    "mkfs.ext4": "e2fsprogs",
    "unshare": "util-linux",
}
"""Programs that the lab calls on the machine, and the Debian packages that have them."""

IPMI = {"ipmitool": "ipmitool", "ipmi_sim": "openipmi"}
"""What speaks IPMI, and what answers, likewise: for the tests of that driver."""

MODULES = ("overlay", "tun", "bridge", "veth", "macvlan")

DISK_COLD_MB, DISK_WARM_MB = 6000, 2000
MEMORY_BASE_MB, MEMORY_COMPUTE_MB = 2900, 600


def missing(programs: Mapping[str, str] = PROGRAMS) -> list[str]:
    """Return the packages whose programs are not installed."""
    path = shell.search_path()
    return sorted({package for program, package in programs.items() if shutil.which(program, path=path) is None})


def load_modules() -> None:
    """Load what the lab needs of the kernel, where it is made of modules and they are not loaded yet.

    Raises:
        Refused: the kernel has no overlay file system, or no tun device.
    """
    for module in MODULES:
        if shutil.which("modprobe", path=shell.search_path()):
            with contextlib.suppress(Failed):  # built in, or not there at all; what counts is asked below
                shell.run(["modprobe", "--quiet", module])
    if "overlay" not in Path("/proc/filesystems").read_text().split():
        raise _unsupported("This kernel has no overlay file system (overlayfs)")
    if not Path("/dev/net/tun").exists():
        raise _unsupported("This machine has no /dev/net/tun")


def install(settings: Settings, progress: Progress) -> None:
    """Install the programs that are missing.

    Raises:
        Failed: apt-get could not.
    """
    packages = missing()
    if not packages:
        return
    settings.cache.mkdir(parents=True, exist_ok=True)
    with progress.phase(f"installing {', '.join(packages)}"):
        install_packages(packages, settings.cache / "install.log")


def install_packages(packages: Sequence[str], log: Path) -> None:
    """Install Debian packages; nothing happens where there are none.

    Raises:
        Refused: there is no apt-get.
        Failed: apt-get could not.
    """
    if not packages:
        return
    if shutil.which("apt-get") is None:
        raise _unsupported(f"{', '.join(packages)} are missing, and there is no apt-get to install them")
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    shell.run(["apt-get", "-q", "update"], log=log, env=env, code=Code.LAB_BUILD_FAILED)
    argv = ["apt-get", "-q", "-y", "--no-install-recommends", "install", *packages]
    shell.run(argv, log=log, env=env, code=Code.LAB_BUILD_FAILED)


def check(settings: Settings) -> None:
    """Raise Refused where memory or disk will not do, with the figures, or the Redfish emulator is not installed."""
    if importlib.util.find_spec("sushy_tools") is None:
        raise Refused(Code.LAB_UNSUPPORTED, "sushy-tools is not installed", hint="pip install 'stackmend[lab]'")
    memory = available_memory_mb(Path("/proc/meminfo").read_text())
    need = MEMORY_BASE_MB + MEMORY_COMPUTE_MB * settings.computes
    if memory < need:
        raise _no_room(
            f"A lab with {settings.computes} compute nodes needs {need} MiB of memory; {memory} MiB are available"
        )
    for folder, wanted in _disk_needs(settings):
        free = shutil.disk_usage(_existing(folder)).free // 2**20
        if free < wanted:
            raise _no_room(f"The lab needs {wanted} MiB of disk in {folder}; {free} MiB are free")


def _disk_needs(settings: Settings) -> list[tuple[Path, int]]:
    cache = 0 if golden.path(settings).is_dir() else DISK_WARM_MB
    cache += 0 if base.path(settings).is_dir() else DISK_COLD_MB - DISK_WARM_MB
    return [(settings.cache, cache), (settings.state, DISK_WARM_MB)]


def available_memory_mb(meminfo: str) -> int:
    """Return the MiB that /proc/meminfo calls available."""
    line = next(line for line in meminfo.splitlines() if line.startswith("MemAvailable:"))
    return int(line.split()[1]) // 1024


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.parent)


def _unsupported(sentence: str) -> Refused:
    return Refused(
        Code.LAB_UNSUPPORTED, sentence, hint="Run the lab on a Debian 12 or 13 machine with Debian's kernel."
    )


def _no_room(sentence: str) -> Refused:
    return Refused(Code.LAB_NO_ROOM, sentence, hint="Free some, or ask for fewer compute nodes with --computes.")
