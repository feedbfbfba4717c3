"""The lab's smaller pure parts: keys of the cache, room, processes, layers, templates, progress, status."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from stackmend.errors import Code, Failed
from stackmend.lab import base, golden, outputs, packages, prerequisites, process, shell, status, wait
from stackmend.lab.layers import Layer, template
from stackmend.lab.progress import Progress
from stackmend.lab.settings import Settings


def test_the_keys_say_what_the_layers_depend_on(monkeypatch: pytest.MonkeyPatch) -> None:
    first_base, first_golden = base.key(), golden.key(Settings())
    assert golden.key(Settings(computes=4)) != first_golden
    assert golden.key(Settings(state=Path("/elsewhere"))) == first_golden
    monkeypatch.setattr(packages, "GUEST", [*packages.GUEST, "hello"])
    base.key.cache_clear()
    golden.key.cache_clear()
    try:
        assert base.key() != first_base
        assert golden.key(Settings()) != first_golden
    finally:
        base.key.cache_clear()
        golden.key.cache_clear()


def test_the_room_that_is_there() -> None:
    meminfo = "MemTotal:       24684136 kB\nMemFree:         100 kB\nMemAvailable:   20480000 kB\n"
    assert prerequisites.available_memory_mb(meminfo) == 20000


def test_a_process_is_known_by_its_start() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        found = process.of(child.pid)
        assert found is not None
        assert found.alive()
        assert found in process.Process(os.getpid(), process.of(os.getpid()).started).children()  # type: ignore[union-attr]
        stranger = process.Process(child.pid, found.started + 1)
        assert not stranger.alive()
        stranger.signal(signal.SIGKILL)
        assert child.poll() is None
        found.signal(signal.SIGKILL)
        child.wait(timeout=5)
    assert not found.alive()


@pytest.mark.parametrize("text", ["", "12", "a b", "1 2 3"])
def test_a_torn_pid_file_names_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "pid").write_text(text)
    assert process.read(tmp_path / "pid") is None
    assert process.read(tmp_path / "none") is None


def a_base(root: Path) -> Path:
    (root / "etc/nova").mkdir(parents=True)
    (root / "etc/nova").chmod(0o750)
    user, group = os.getuid(), os.getgid()
    (root / "etc/passwd").write_text(f"root:x:{user}:{group}:root:/root:/bin/sh\n")
    (root / "etc/group").write_text(f"root:x:{group}:\nnova:x:{group}:\n")
    return root


def test_files_take_their_folders_from_the_base(tmp_path: Path) -> None:
    layer = Layer(tmp_path / "upper", a_base(tmp_path / "base"))
    layer.put("etc/nova/nova.conf", "secret", mode=0o640, group="nova")
    layer.put("etc/new/file", "x")
    layer.mask("a.service")
    assert (tmp_path / "upper/etc/nova").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "upper/etc/nova/nova.conf").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "upper/etc/new").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "upper/etc/systemd/system/a.service").readlink() == Path("/dev/null")


def test_a_template_lacks_nothing() -> None:
    text = template("ml2_conf.ini", {"controller": "192.0.2.9"})
    assert "tcp:192.0.2.9:6641" in text
    with pytest.raises(KeyError):
        template("ml2_conf.ini", {})


def test_a_failing_program_is_told_with_its_evidence(tmp_path: Path) -> None:
    with pytest.raises(Failed) as caught:
        shell.run(["sh", "-c", "echo oh no >&2; exit 7"], code=Code.LAB_BUILD_FAILED)
    assert caught.value.evidence["status"] == "7"
    assert caught.value.evidence["stderr"] == "oh no"
    log = tmp_path / "log"
    with pytest.raises(Failed) as caught:
        shell.run(["sh", "-c", "echo far; echo down >&2; exit 1"], log=log)
    assert caught.value.evidence["stderr"] == "far\ndown"
    with pytest.raises(Failed, match="is not installed"):
        shell.run(["there-is-no-such-program"])
    with pytest.raises(Failed, match="did not end"):
        shell.run(["sleep", "60"], timeout=0.1)


def test_waiting_ends() -> None:
    answers = iter([None, None, "there"])
    assert wait.until(lambda: next(answers), "it", seconds=5, interval=0.01) == "there"
    with pytest.raises(Failed, match="still waiting for godot"):
        wait.until(lambda: None, "godot", seconds=0.05, interval=0.01)


def test_phases_say_how_long_they_took() -> None:
    lines: list[str] = []
    progress = Progress(lines.append)
    with progress.phase("counting"):
        progress.say("one")
    with pytest.raises(ValueError, match="two"), progress.phase("failing"):
        raise ValueError("two")
    said = [re.sub(r"^\S+ \[ *\d+ s\] ", "", line) for line in lines]
    assert said[:2] == ["counting …", "one"]
    assert re.fullmatch(r"counting: \d+\.\d s", said[2])
    assert said[3] == "failing …"
    assert re.fullmatch(r"failing: broken off after \d+\.\d s", said[4])


def test_the_inventory_names_every_node(tmp_path: Path) -> None:
    written = outputs.inventory(Settings(state=tmp_path))
    assert list(written["nodes"]) == ["ctl01", "c01", "c02", "c03"]  # type: ignore[call-overload]
    assert f"export OS_CLIENT_CONFIG_FILE={tmp_path}/clouds.yaml\n" in outputs.environment(Settings(state=tmp_path))


@pytest.mark.parametrize(
    ("cgroup", "host"),
    [
        ("9:name=systemd:/\n0::/stackmend-lab/smlab0-c01/payload/system.slice/ssh.service\n", "smlab0-c01"),
        ("0::/system.slice/stackmend-lab-smlab0-c01.service/payload/init.scope\n", "smlab0-c01"),
        ("0::/user.slice/user-0.slice/session-1.scope\n", ""),
        ("", ""),
    ],
)
def test_a_process_belongs_to_a_host_by_its_group(cgroup: str, host: str) -> None:
    assert status.group_of(cgroup) == host


def test_memory_is_counted_by_host(tmp_path: Path) -> None:
    for pid, group, kib in (("10", "a", 2048), ("11", "a", 1024), ("12", "b", 4096)):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cgroup").write_text(f"0::/stackmend-lab/{group}/init.scope\n")
        (tmp_path / pid / "smaps_rollup").write_text(f"55 ---p [rollup]\nRss: 9 kB\nPss:  {kib} kB\n")
    (tmp_path / "13").mkdir()
    (tmp_path / "self").mkdir()
    assert status.memory_by_group(tmp_path) == {"a": 3, "b": 4}
