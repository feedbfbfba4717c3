"""A rescue's part on the node: its directory, its guard (a timer that gives the instance back), its open disks.

The guard's units are files, not transient, so that a reboot of the node does not disarm it: the limit then counts anew
from the boot. See docs/adr/0017-giving-an-instance-back.md.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Any

from stackmend.adapters.world import World
from stackmend.domain.rescue import Guarded, GuestDisk, GuestSystem, Opening, Reader
from stackmend.domain.values import JsonObject, RunId
from stackmend.errors import Code, Failed
from stackmend.facts.guest_disks import DIRECTORY

OPEN_SECONDS = {Reader.FUSE: 90, Reader.LIBGUESTFS: 240}

_PROGRAMS = (
    "rescue-guard.sh",
    "rescue-disks.sh",
    "rescue-fuse.sh",
    "rescue-libguestfs.sh",
    "rescue-shell.sh",
    "rescue_read.py",
)

_SERVICE = """[Unit]
Description=stackmend gives instance {id} back, for run {run}
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/sh {here}/rescue-guard.sh {id}
Restart=on-failure
RestartSec=5
"""

_TIMER = """[Unit]
Description=stackmend gives instance {id} back at the limit of run {run}
[Timer]
OnActiveSec={limit}
AccuracySec=1s
[Install]
WantedBy=timers.target
"""

_ARM = """set -e
umask 077
mkdir -p {here}
cd {here}
rm -f expired suspending pausing
{files}
printf '%s\\n' {run} >run
umask 022
printf '%s' {service} >/etc/systemd/system/{unit}.service
printf '%s' {timer} >/etc/systemd/system/{unit}.timer
sync -f run /etc/systemd/system/{unit}.timer
systemctl daemon-reload
systemctl enable --quiet {unit}.timer
systemctl start {unit}.timer"""

_STATE = """cd {here} 2>/dev/null || {{ echo gone=yes; exit 0; }}
[ -e expired ] && echo expired=yes
[ -e suspending ] && echo suspending=yes
[ -e pausing ] && echo pausing=yes
echo "domain=$(virsh -r -q -c qemu:///system domstate {id} 2>/dev/null)"
systemctl is-active --quiet {unit}.timer && echo armed=yes
systemctl is-active --quiet {unit}-disks.service && [ -e ready ] && echo "pid=$(cat ready)"
[ -e run ] && echo "run=$(cat run)"
true"""

_MARK = """set -e
cd {here}
exec 8>>lock
flock 8
[ ! -e expired ]
systemctl is-active --quiet {unit}.timer
: >suspending
sync -f suspending"""

_PAUSE = """set -e
cd {here}
exec 8>>lock
flock 8
[ ! -e expired ]
systemctl is-active --quiet {unit}.timer
: >pausing
sync -f pausing
ask() {{ virsh -q -c qemu:///system "$@" {id}; }}
[ "$(ask domstate)" = paused ] || ask suspend
[ "$(ask domstate)" = paused ]"""

_UNPAUSE = """ask() {{ virsh -q -c qemu:///system "$@" {id}; }}
if cd {here} 2>/dev/null && [ -e pausing ]; then
  exec 8>>lock
  flock 8
  [ "$(ask domstate)" != paused ] || ask resume || exit
  [ "$(ask domstate)" != running ] || rm -f pausing
fi
ask domstate"""

_EXTEND = """cd {here} 2>/dev/null || exit 0
exec 8>>lock
flock -n 8 || exit 0
[ -e expired ] || systemctl restart {unit}.timer"""

_OPEN = """set -e
umask 077
cd {here}
{disks}
printf '%s\\n' {way} >way
printf '%s\\n' {settings} >settings
if ! systemctl is-active --quiet {unit}-disks.service; then
  rm -f ready failed found
  systemd-run --quiet --collect --unit={unit}-disks --property=PrivateMounts=yes --property=KillMode=mixed \\
    --property=TimeoutStopSec=10 --property=LimitCORE=0 sh {here}/rescue-disks.sh {id}
fi
n=0
while [ ! -e ready ] && [ ! -e failed ] && [ $n -lt {seconds} ]; do sleep 1; n=$((n + 1)); done
if [ -e failed ]; then cat failed >&2; exit 1; fi
[ -e ready ] || {{ echo 'the disks are not open in {seconds} s' >&2; exit 1; }}
cat found"""

_CLOSE = """systemctl stop {unit}-disks.service 2>/dev/null
systemctl reset-failed {unit}-disks.service 2>/dev/null
[ ! -d {here} ] || rm -f {here}/ready {here}/failed
true"""

_DISARM = """[ ! -d {here} ] || {{ exec 8>>{here}/lock; flock 8; }}
systemctl disable --quiet --now {unit}.timer 2>/dev/null
systemctl stop {unit}.service 2>/dev/null
rm -f /etc/systemd/system/{unit}.timer /etc/systemd/system/{unit}.service
systemctl daemon-reload
systemctl reset-failed {unit}.service 2>/dev/null
rm -rf {here}
true"""

_LEFT = """systemctl list-units --all --plain --no-legend '{unit}*' | cut -d ' ' -f 1
systemctl list-unit-files --plain --no-legend '{unit}*' | cut -d ' ' -f 1
[ -e {here} ] && echo {here}
losetup --noheadings --list --output NAME,BACK-FILE 2>/dev/null | grep {id}
grep -l {here} /proc/[0-9]*/mountinfo 2>/dev/null
true"""


@dataclass(frozen=True)
class Guard:
    """What the node says of a rescue.

    Attributes:
        armed: whether the timer runs.
        expired: whether the limit has passed and the guard has begun to give the instance back, or has done so.
        suspending: whether nova was, or is just being, asked to suspend the instance.
        pausing: whether libvirt on the node was, or is just being, asked to pause the instance.
        domain: the instance's state by libvirt; empty where it has none, or the rescue is gone.
        pid: process in whose mount namespace the disks are open; 0 for none.
        run: whose rescue it is; empty for none.
    """

    armed: bool
    expired: bool
    suspending: bool
    pausing: bool
    domain: str
    pid: int
    run: str


def arm(world: World, guarded: Guarded, run: RunId, limit: int) -> None:
    """Set up the guard on the node, to give the instance back after ``limit`` seconds. May be repeated."""
    here = _here(guarded)
    words = {"id": guarded.instance, "run": run, "here": here, "limit": limit}
    files = "\n".join(f"printf '%s' {shlex.quote(_program(name))} >{name}" for name in _PROGRAMS)
    _run(
        world,
        guarded,
        _ARM,
        files=files,
        run=shlex.quote(run),
        service=shlex.quote(_SERVICE.format(**words)),
        timer=shlex.quote(_TIMER.format(**words)),
    )


def state(world: World, guarded: Guarded) -> Guard:
    """Return what the node says of the rescue."""
    shown = dict(line.split("=", 1) for line in _run(world, guarded, _STATE).splitlines() if "=" in line)
    return Guard(
        armed="armed" in shown,
        expired="expired" in shown,
        suspending="suspending" in shown,
        pausing="pausing" in shown,
        domain=shown.get("domain", ""),
        pid=int(shown.get("pid") or 0),
        run=shown.get("run", ""),
    )


def mark_suspending(world: World, guarded: Guarded) -> None:
    """Tell the guard that the suspend is ours; from now on it gives the instance back.

    Raises:
        Failed: RESCUE_EXPIRED where the guard is not armed.
    """
    script = _MARK.format(**_names(guarded))
    if world.ssh.run(guarded.node, script, check=False).status != 0:
        raise expired(guarded)


def pause(world: World, guarded: Guarded) -> None:
    """Tell the guard that the pause is ours, and have libvirt pause the instance. May be repeated.

    Raises:
        Failed: RESCUE_EXPIRED where the guard is not armed; COMMAND_FAILED.
    """
    done = world.ssh.run(guarded.node, _PAUSE.format(**_names(guarded)), check=False)
    if done.status == 0:
        return
    there = state(world, guarded)
    if there.expired or not there.armed:
        raise expired(guarded)
    raise Failed(
        Code.COMMAND_FAILED,
        f"libvirt does not pause {guarded.name}, which is {there.domain or 'unknown to it'}",
        evidence={"host": guarded.node, "command": "virsh suspend", "stderr": done.stderr.strip()},
    )


def unpause(world: World, guarded: Guarded) -> str:
    """Have libvirt resume what this rescue has paused; return its state then. May be repeated."""
    return _run(world, guarded, _UNPAUSE).strip()


def extend(world: World, guarded: Guarded) -> None:
    """Let the limit count anew, so that the guard does not come between while nova resumes."""
    _run(world, guarded, _EXTEND)


def open_disks(world: World, guarded: Guarded, disks: Iterable[GuestDisk], opening: Opening) -> tuple[GuestSystem, ...]:
    """Open disks and mount what is on them; return what was found. May be repeated.

    Raises:
        Failed: DISK_UNREADABLE.
    """
    listed = list(disks)
    files = [
        f"printf '%s' {shlex.quote(_blockdev(disk, opening))} >{shlex.quote(disk.name)}.node.json" for disk in listed
    ]
    keys = {disk.name: disk.rbd.secret for disk in listed if disk.rbd and disk.rbd.secret}
    files += [f"printf '%s' {shlex.quote(secret)} >{shlex.quote(name)}.secret" for name, secret in keys.items()]
    names = " ".join(shlex.quote(disk.name) for disk in listed)
    script = _OPEN.format(
        **_names(guarded),
        disks="\n".join([*files, f"printf '%s\\n' {names} >disks"]),
        way=opening.reader.value,
        settings=shlex.quote(opening.settings),
        seconds=OPEN_SECONDS[opening.reader],
    )
    done = world.ssh.run(guarded.node, script, timeout=OPEN_SECONDS[opening.reader] + 15, check=False)
    if done.status != 0:
        said = done.stderr.strip().splitlines()[-1:]
        raise Failed(
            Code.DISK_UNREADABLE,
            f"the disks of {guarded.name} cannot be opened on {guarded.node}: {said[0] if said else 'no reason given'}",
            evidence={"host": guarded.node, "stderr": done.stderr.strip()},
        )
    return tuple(_system(line) for line in done.stdout.splitlines() if "\t" in line)


def close_disks(world: World, guarded: Guarded) -> None:
    """Unmount and close the disks. May be repeated."""
    _run(world, guarded, _CLOSE)


def start_guard(world: World, guarded: Guarded) -> None:
    """Let the guard give the instance back now."""
    _run(world, guarded, "systemctl start --no-block {unit}.service")


def disarm(world: World, guarded: Guarded) -> None:
    """Take the guard and all its files away. May be repeated."""
    _run(world, guarded, _DISARM)


def left(world: World, guarded: Guarded) -> tuple[str, ...]:
    """Return what is left of a rescue on the node: units, files, loop devices, processes that see its mounts."""
    return tuple(line.strip() for line in _run(world, guarded, _LEFT).splitlines() if line.strip())


def reading(guarded: Guarded, pid: int, verb: str, most: int, requests: Iterable[str]) -> str:
    """Return the script that lists or sends files from the open disks."""
    here = _here(guarded)
    words = ["nsenter", "-t", str(pid), "-m", "python3", "-I", "-B", f"{here}/rescue_read.py"]
    return shlex.join([*words, verb, f"{here}/mnt/fs", str(most), *requests])


def shell(guarded: Guarded, seconds: int) -> str:
    """Return the command line that is a shell on the open disks, for so many seconds."""
    return f"sh {_here(guarded)}/rescue-shell.sh {guarded.instance} {seconds}"


def said(world: World, guarded: Guarded) -> list[str]:
    """Return what libguestfs has said of the open disks, a line for each file that was opened; none of other ways."""
    return _run(world, guarded, "[ ! -e {here}/said ] || cat {here}/said").splitlines()


def expired(guarded: Guarded) -> Failed:
    """Return the error that the guard has ended the rescue."""
    return Failed(
        Code.RESCUE_EXPIRED,
        f"the limit has passed: {guarded.node} has ended the reading of {guarded.name} by itself",
        hint="undo the run, so that nova's record is put right; then begin again with a longer --limit",
        evidence={"host": guarded.node, "instance": guarded.instance},
    )


def _run(world: World, guarded: Guarded, script: str, **more: str) -> str:
    return world.ssh.run(guarded.node, script.format(**_names(guarded), **more), timeout=60).stdout


def _names(guarded: Guarded) -> dict[str, str]:
    unit = f"stackmend-rescue-{guarded.instance}"
    return {"here": _here(guarded), "unit": unit, "id": guarded.instance}


def _here(guarded: Guarded) -> str:
    return f"{DIRECTORY}/{guarded.instance}"


def _program(name: str) -> str:
    return (resources.files("stackmend.actions") / "files" / name).read_text()


def _blockdev(disk: GuestDisk, opening: Opening) -> str:
    """Return the option that opens a disk read-only, its backing chain with it.

    QEMU does so only while nobody may write to it, unless the opening is shared.
    """
    share = {"force-share": True} if opening.share else {}
    return json.dumps({"driver": disk.form, "node-name": "disk", "read-only": True, **share, "file": _file(disk)})


def _file(disk: GuestDisk) -> JsonObject:
    if disk.rbd is None:
        return {"driver": "file", "filename": disk.path, "read-only": True, "auto-read-only": False, "locking": "auto"}
    pool, _, image = disk.path.partition("/")
    file: dict[str, Any] = {"driver": "rbd", "pool": pool, "image": image, "read-only": True, "auto-read-only": False}
    if disk.rbd.servers:
        file["server"] = [{"host": host, "port": port} for host, port in disk.rbd.servers]
    if disk.rbd.user:
        file["user"] = disk.rbd.user
    if disk.rbd.secret:
        file["key-secret"] = "key"
    return file


def _system(line: str) -> GuestSystem:
    name, kind, mounted, sentence = line.split("\t", 3)
    return GuestSystem(name, kind, mounted == "yes", sentence)
