"""The base system: Debian and every package of every role, built once and shared by all hosts, read only."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from stackmend.errors import Code
from stackmend.lab import holds, mirror, packages, shell
from stackmend.lab.mirror import Mirror
from stackmend.lab.progress import Progress
from stackmend.lab.settings import Settings

VERSION = "2"
"""Raise it when the recipe changes in a way that the package list does not show."""

_POLICY = "#!/bin/sh\nexit 101\n"
_DPKG = """\
force-unsafe-io
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/info/*
"""
_ALONE = (
    *shell.MORTAL,
    *("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"),
)
"""Runs a program so that its mounts, and whatever it leaves running, end with it, and it ends with this process."""
_ENTER = 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"'


@cache
def key() -> str:
    """Return the name of the base that the recipe makes; one answer for a whole process."""
    recipe = [VERSION, packages.SUITE, packages.PRESEEDS, *packages.all_packages(), *packages.GUEST_DOWNLOADS]
    recipe += [*packages.UNITS, *packages.NEVER, _DPKG]
    return hashlib.sha256("\n".join(recipe).encode()).hexdigest()[:12]


def path(settings: Settings) -> Path:
    """Return where the base is, or will be."""
    return settings.cache / f"base-{key()}"


def ensure(settings: Settings, progress: Progress) -> Path:
    """Return the base, built now unless the cache has it; what a broken-off build left is thrown away.

    Raises:
        Failed: the archive or a package could not be had.
    """
    root = path(settings)
    if root.is_dir():
        return root
    settings.cache.mkdir(parents=True, exist_ok=True)
    for old in settings.cache.glob("base-*"):
        holds.clear_out(old)
    building = root.with_suffix(".building")
    archive = mirror.machine_mirror()
    log = settings.cache / "base.log"
    log.write_text("")
    with progress.phase("Debian 13: the minimal system"):
        _debootstrap(building, archive, log)
    with progress.phase("Debian 13: OpenStack, OVN, libvirt and QEMU"):
        _prepare(building, archive)
        _install(building, log)
    with progress.phase("base system: the last touches"):
        _download(building, log)
        _finish(building, log)
    building.rename(root)
    return root


def enter(root: Path, argv: Sequence[str], log: Path | None = None, stdin: str | None = None) -> str:
    """Run a program inside the base; its mounts and whatever it leaves running end with it."""
    env = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    return shell.run(
        [*_ALONE, "sh", "-c", _ENTER, str(root), *argv], env=env, log=log, stdin=stdin, code=Code.LAB_BUILD_FAILED
    )


def _debootstrap(root: Path, archive: Mirror, log: Path) -> None:
    argv = ["debootstrap", "--variant=minbase", "--include=ca-certificates", packages.SUITE, str(root), archive.main]
    shell.run([*_ALONE, "--mount-proc", *argv], log=log, code=Code.LAB_BUILD_FAILED)


def _prepare(root: Path, archive: Mirror) -> None:
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text(_POLICY)
    policy.chmod(0o755)
    (root / "etc/dpkg/dpkg.cfg.d/stackmend").write_text(_DPKG)
    sources = [f"deb {archive.main} {packages.SUITE} main"]
    if archive.security:
        sources.append(f"deb {archive.security} {packages.SUITE}-security main")
    (root / "etc/apt/sources.list").write_text("\n".join(sources) + "\n")
    (root / "etc/apt/apt.conf.d/90stackmend").write_text(mirror.apt_options())
    shutil.copyfile("/etc/resolv.conf", root / "etc/resolv.conf")
    own = Path("/etc/ssl/certs/ca-certificates.crt")
    if own.is_file():
        shutil.copyfile(own, root / "etc/ssl/certs/ca-certificates.crt")


def _install(root: Path, log: Path) -> None:
    enter(root, ["debconf-set-selections"], log, stdin=packages.PRESEEDS)
    enter(root, ["apt-get", "-q", "update"], log)
    options = ["-q", "-y", "--no-install-recommends", "-o", "APT::Keep-Downloaded-Packages=false"]
    enter(root, ["apt-get", *options, "install", *packages.all_packages()], log)


def _download(root: Path, log: Path) -> None:
    """Fetch the guest's kernel package as a file, and unpack it for libguestfs."""
    debs = root / "var/lib/stackmend/debs"
    debs.mkdir(parents=True)
    name = packages.GUEST_DOWNLOADS[0]
    depends = enter(root, ["apt-cache", "depends", "--important", name])
    real = [line.split()[-1] for line in depends.splitlines() if "Depends: linux-image-" in line]
    script = 'cd /var/lib/stackmend/debs && exec apt-get -q -o APT::Sandbox::User=root download "$@"'
    enter(root, ["sh", "-c", script, "sh", *real], log)
    enter(root, ["sh", "-c", "for deb in /var/lib/stackmend/debs/*.deb; do dpkg-deb -x $deb / || exit; done"], log)
    enter(root, ["sh", "-c", "for kernel in /usr/lib/modules/*; do depmod ${kernel##*/} || exit; done"], log)


def _finish(root: Path, log: Path) -> None:
    enter(root, ["systemctl", "disable", *packages.UNITS], log)
    enter(root, ["systemctl", "mask", *packages.NEVER], log)
    enter(root, ["apt-get", "clean"], log)
    for name in ("usr/sbin/policy-rc.d", "etc/apt/apt.conf.d/90stackmend"):
        (root / name).unlink()
    for host_key in root.glob("etc/ssh/ssh_host_*"):
        host_key.unlink()
    for lists in (root / "var/lib/apt/lists").iterdir():
        shutil.rmtree(lists) if lists.is_dir() else lists.unlink()
    (root / "etc/resolv.conf").unlink()
    (root / "etc/resolv.conf").write_text("")
    (root / "etc/machine-id").write_text("")
    nsswitch = root / "etc/nsswitch.conf"
    lines = nsswitch.read_text().splitlines()
    nsswitch.write_text("\n".join("hosts: files" if x.startswith("hosts:") else x for x in lines) + "\n")
    os.sync()
