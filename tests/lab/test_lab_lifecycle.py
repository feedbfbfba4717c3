"""The lab's own life: up twice, refusals, a killed start, reset, power lost and given back, nothing left behind."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fleet import STACKMEND, Ended, connect, until

from stackmend.lab import base, golden
from stackmend.lab.settings import Settings, from_environment

OTHER = {"STACKMEND_LAB_BRIDGE": "smlabt", "STACKMEND_LAB_SUBNET": "10.213.90.0/24", "STACKMEND_LAB_COMPUTES": "1"}


def call(*args: str, env: dict[str, str] | None = None, timeout: float = 300) -> Ended:
    done = subprocess.run(
        [str(STACKMEND), "lab", *args],
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def settings(lab: dict[str, str]) -> Settings:
    """The lab that the session has."""
    del lab
    return from_environment()


@pytest.fixture
def other(settings: Settings, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a second lab beside the session's, with a cache of its own; taken down at the end."""
    del settings
    env = {**OTHER, "STACKMEND_LAB_DIR": str(tmp_path / "lab"), "STACKMEND_LAB_CACHE": str(tmp_path / "cache")}
    (tmp_path / "cache").mkdir()
    yield env
    assert call("down", env=env).status == 0


@contextmanager
def begun(env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An ``up`` that is under way; killed at the end at the latest, by a signal that it cannot catch."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [str(STACKMEND), "lab", "up"],
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(timeout=10)


def left_of(env: dict[str, str]) -> dict[str, list[str]]:
    """Return what the machine still has of a lab: processes, mounts, bridge, control groups, loop devices."""
    place = env["STACKMEND_LAB_DIR"]
    processes = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            mounts = (path / "mounts").read_text()
        except OSError:
            continue
        if (place in words and "pytest" not in words) or place in mounts or env["STACKMEND_LAB_CACHE"] in mounts:
            processes.append(words)
    links = [link["ifname"] for link in json.loads(subprocess.check_output(["ip", "-json", "link"]))]
    groups = [str(p) for p in Path("/sys/fs/cgroup").rglob(f"{env['STACKMEND_LAB_BRIDGE']}-*") if p.is_dir()]
    loops = subprocess.check_output(["losetup", "--list", "--noheadings"], text=True).splitlines()
    found = {
        "processes": processes,
        "links": [name for name in links if env["STACKMEND_LAB_BRIDGE"] in name],
        "groups": groups,
        "loops": [line for line in loops if place in line or env["STACKMEND_LAB_CACHE"] in line],
        "files": [p.name for p in Path(place).iterdir() if p.name != "lock"] if Path(place).exists() else [],
    }
    return {kind: things for kind, things in found.items() if things}


def test_a_second_up_changes_nothing(settings: Settings) -> None:
    before = (settings.state / "hosts/c01/pid").read_text()
    done = call("up")
    assert done.status == 0
    assert "up already" in done.out
    assert (settings.state / "hosts/c01/pid").read_text() == before


def test_an_up_beside_another_is_refused_with_its_pid(settings: Settings) -> None:
    with (settings.state / "lock").open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write("4194304")
        file.flush()
        for verb in ("up", "down", "reset"):
            done = call(verb)
            assert done.status == 3
            assert "lab-busy" in done.err
            assert "4194304" in done.err


def test_the_layers_of_a_running_host_are_held_against_clearing_out(settings: Settings) -> None:
    for layer in (golden.path(settings) / "layers/c01", base.path(settings)):
        tried = subprocess.run(["flock", "--nonblock", "--exclusive", str(layer), "true"], check=False)
        assert tried.returncode == 1, layer


def test_only_root_may(settings: Settings) -> None:
    del settings
    done = subprocess.run(
        ["unshare", "--user", str(STACKMEND), "lab", "up"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 3
    assert "lab-not-root" in done.stderr


@pytest.mark.parametrize("free", ["STACKMEND_LAB_BRIDGE", "STACKMEND_LAB_SUBNET"])
def test_a_bridge_or_a_network_that_is_taken_is_refused(settings: Settings, other: dict[str, str], free: str) -> None:
    env = {**other, "STACKMEND_LAB_BRIDGE": settings.bridge, "STACKMEND_LAB_SUBNET": str(settings.subnet)}
    done = call("up", env={**env, free: other[free]})
    assert done.status == 3
    assert "lab-clash" in done.err
    assert left_of(other) == {}


def test_too_little_room_is_refused_with_figures(other: dict[str, str], tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(small)], check=True)
    try:
        done = call("up", env={**other, "STACKMEND_LAB_CACHE": str(small)})
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert done.status == 3
    assert "lab-no-room" in done.err
    assert "16 MiB are free" in done.err


def test_a_start_killed_in_the_base_system_leaves_nothing_running(other: dict[str, str], tmp_path: Path) -> None:
    cache = Path(other["STACKMEND_LAB_CACHE"])
    with begun(other, tmp_path / "log"):
        until(lambda: any(cache.glob("base-*.building/var/cache/apt")), "debootstrap at work", timeout=120)
    until(lambda: "processes" not in left_of(other), "the end of what the killed start had started", timeout=20)
    assert not list(cache.glob("base-*[0-9a-f]"))
    assert call("down", env=other).status == 0
    assert left_of(other) == {}


def test_a_start_killed_with_its_hosts_up_can_be_taken_down(other: dict[str, str], tmp_path: Path) -> None:
    cache = Path(other["STACKMEND_LAB_CACHE"])
    (cache / f"base-{base.key()}").symlink_to(base.path(from_environment()))
    with begun(other, tmp_path / "log"):
        until(lambda: "schemas" in (tmp_path / "log").read_text(), "the hosts at work", timeout=120)
    left = left_of(other)
    assert {"processes", "links", "groups", "files"} <= left.keys()
    assert call("down", env=other).status == 0
    assert left_of(other) == {}
    assert call("down", env=other).status == 0


def test_every_host_is_seen(settings: Settings) -> None:
    done = call("status", "-f", "json")
    assert done.status == 0
    seen = done.json()
    assert seen["ready"]
    assert [host["node"] for host in seen["hosts"]] == list(settings.nodes)
    assert all(host["power"] and host["ssh"] and host["service"] for host in seen["hosts"])
    assert 500 < sum(host["memory_mb"] for host in seen["hosts"]) < 6 * 1024


def test_up_gives_power_back_and_keeps_what_is_there(settings: Settings) -> None:
    del settings
    assert call("run", "c03", "--", "touch", "/root/kept").status == 0
    assert call("break", "power-cut", "c03").status == 0
    done = call("up")
    assert done.status == 0
    assert "giving power back to c03" in done.err
    assert call("run", "c03", "--", "test", "-e", "/root/kept").status == 0
    assert call("run", "c03", "--", "test", "-e", "/root/never").status == 1
    assert call("heal").status == 0


def test_reset_gives_the_pristine_cloud(settings: Settings, lab: dict[str, str]) -> None:
    connection = connect(Path(lab["OS_CLIENT_CONFIG_FILE"]))
    connection.compute.create_flavor(name="lab.gone", vcpus=1, ram=64, disk=1)
    connection.close()
    assert call("run", "c01", "--", "touch", "/root/gone", "/var/lib/nova/instances/gone").status == 0
    done = call("reset")
    assert done.status == 0, done.err
    assert call("run", "c01", "--", "test", "!", "-e", "/root/gone").status == 0
    assert not (settings.instances_dir("c01") / "gone").exists()
    connection = connect(Path(lab["OS_CLIENT_CONFIG_FILE"]))
    assert connection.compute.find_flavor("lab.gone") is None
    assert connection.compute.find_flavor("lab.tiny") is not None
    connection.close()


def test_the_lab_has_no_way_out(settings: Settings) -> None:
    done = call("run", "c01", "--", "ip", "-json", "route")
    destinations = {route["dst"] for route in done.json()}
    assert destinations == {str(settings.management), str(settings.tunnel)}


def test_names_are_found_without_asking_a_server(settings: Settings) -> None:
    assert call("run", "c01", "--", "getent", "hosts", "c02").out.split()[0] == settings.address("c02")
    assert call("run", "c01", "--", "cat", "/etc/resolv.conf").out == ""
    assert call("run", "c01", "--", "grep", "^hosts:", "/etc/nsswitch.conf").out.split() == ["hosts:", "files"]


def test_a_reboot_from_inside_is_one(settings: Settings) -> None:
    script = "cut -d' ' -f22 /proc/1/stat; cat /proc/sys/kernel/random/boot_id"

    def identity() -> list[str]:
        return call("run", "c03", "--", "sh", "-c", script).out.split()

    before, supervisor = identity(), (settings.state / "hosts/c03/pid").read_text()
    call("run", "c03", "--", "systemctl", "reboot")
    until(lambda: len(identity()) == 2 and set(identity()).isdisjoint(before), "c03 with another boot", timeout=90)
    assert (settings.state / "hosts/c03/pid").read_text() == supervisor
