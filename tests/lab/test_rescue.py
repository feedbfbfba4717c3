"""Reading an instance's disks: what comes out, what a guest can't do, and that it is given back whatever dies."""

from __future__ import annotations

import hashlib
import json
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fleet import Ended, Fleet, until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600, func_only=True)]

Command = Callable[..., Ended]
OnNode = Callable[[str, str], str]
NODE = "c03"
KILLED = -signal.SIGKILL
DONE = ("run-done", "")
README = b"The root disk of an instance of stackmend's lab.\n"

LEFT = """id={id}
systemctl list-units --all --plain --no-legend "stackmend-rescue-$id*"
systemctl list-unit-files --plain --no-legend "stackmend-rescue-$id*"
losetup --noheadings --list --output NAME,BACK-FILE | grep "$id"
grep -l "stackmend/rescue/$id" /proc/[0-9]*/mountinfo
pgrep -af "qemu-storage-daemon.*$id"
true"""

SPOIL = """set -e
at=/var/lib/nova/instances/{id} work=/run/spoil
mkdir -p $work/mnt; : >$work/raw
qemu-storage-daemon --daemonize --pidfile $work/pid --blockdev driver=file,node-name=f,filename=$at/disk \\
  --blockdev driver=qcow2,node-name=q,file=f \\
  --export type=fuse,id=e,node-name=q,mountpoint=$work/raw,writable=on,allow-other=off
mount -o loop,offset=1048576,sizelimit=32505856 $work/raw $work/mnt
cd $work/mnt
ln -sf /etc/shadow shadow
ln -sf ../../../../../../../../../etc/shadow upwards
ln -sfn / everything
mkdir -p etc; echo of-the-guest >etc/hostname; mkfifo fifo
printf 'x' >"$(printf 'bell\\a and \\033[31mred')"
cd /; sync; umount $work/mnt; kill "$(cat $work/pid)"
while mountpoint -q $work/raw; do :; done
rm -r $work"""


@pytest.fixture(scope="module")
def instance(fleet: Fleet) -> str:
    """A running instance with an ephemeral disk, that beats."""
    made = fleet.boot("rescue", NODE, flavor="lab.ephemeral")
    fleet.wait(made, "active")
    until(lambda: len(beats(fleet, made)) > 1, "it beats")
    return made


@pytest.fixture(autouse=True)
def clean(fleet: Fleet, instance: str, on_node: OnNode) -> Iterator[None]:
    """Whatever a test did, the instance runs on in its first boot, and nothing is left on the node."""
    yield
    assert (fleet.state(instance), fleet.domains(NODE)[instance]) == ("active", "running")
    assert on_node(NODE, LEFT.format(id=instance)) == ""
    assert on_node(NODE, f"ls -d /var/lib/stackmend/rescue/{instance} 2>&1 || true").startswith("ls: cannot access")
    before = beats(fleet, instance)
    until(lambda: beats(fleet, instance)[-1]["seq"] > before[-1]["seq"], "it beats on")
    assert {beat["boot"] for beat in beats(fleet, instance)} == {"1"}


def beats(fleet: Fleet, instance: str) -> list[dict[str, Any]]:
    """Return the last beats on its console."""
    answer = fleet.cloud.compute.post(f"/servers/{instance}/action", json={"os-getConsoleOutput": {"length": 10}})
    lines = [line for line in answer.json().get("output", "").splitlines() if line.startswith("stackmend-beat ")]
    words = [dict(word.split("=", 1) for word in line.split()[1:] if "=" in word) for line in lines]
    return [{**beat, "seq": int(beat["seq"])} for beat in words if "at" in beat]


def actions(fleet: Fleet, instance: str) -> list[str]:
    """Return what nova was asked to do with it, the first first."""
    answer = fleet.cloud.compute.get(f"/servers/{instance}/os-instance-actions").json()
    return [one["action"] for one in reversed(answer["instanceActions"])]


def rescue(stackmend: Command, instance: str, *words: str, **more: Any) -> Ended:
    return stackmend("instance", "rescue", instance, "--reason", "TICKET-7", "--trust-guest", "--yes", *words, **more)


def last_run(stackmend: Command) -> dict[str, Any]:
    newest = stackmend("runs", "list", "-f", "json").json()[0]["id"]
    return dict(stackmend("runs", "show", newest, "-f", "json").json())


def records(lab_env: dict[str, str], run: str) -> list[tuple[str, str]]:
    path = Path(lab_env["STACKMEND_STATE"]) / "journal.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return list(database.execute("SELECT kind, step FROM records WHERE run = ? ORDER BY seq", (run,)))


def test_files_are_read_and_the_instance_goes_on(
    stackmend: Command, fleet: Fleet, instance: str, tmp_path: Path
) -> None:
    words = ("--list", "disk.eph0:/", "--read", "/README", "--copy", "disk.1:/", "--to", str(tmp_path / "out"))
    untrusted = stackmend("instance", "rescue", instance, "--reason", "x", "--yes", *words)
    assert (untrusted.status, "guest-not-trusted" in untrusted.err) == (3, True), untrusted.err
    done = rescue(stackmend, instance, *words)
    assert done.status == 0, done.out + done.err
    assert README.decode() in done.out
    assert "disk.eph0:/lost+found" in done.out
    assert (tmp_path / "out/disk.1/README").read_bytes() == README
    assert actions(fleet, instance) == ["create", "suspend", "resume"]
    run = last_run(stackmend)
    told = {step["action"]: step for step in run["steps"]}
    sums = {file["path"]: file["sha256"] for file in told["rescue.copy"]["receipt"]["files"]}
    assert sums["/README"] == hashlib.sha256(README).hexdigest()
    assert "journal is dirty" in json.dumps(told["rescue.open"]["receipt"])
    assert run["reason"] == "TICKET-7"


def test_a_path_that_is_not_there_gives_the_instance_back_at_once(stackmend: Command, instance: str) -> None:
    done = rescue(stackmend, instance, "--list", "/not/there")
    assert (done.status, "guest-path" in done.out) == (1, True), done.out + done.err
    assert last_run(stackmend)["state"] == "undone"


def test_a_guest_cannot_show_the_files_of_the_node(
    stackmend: Command, fleet: Fleet, on_node: OnNode, tmp_path: Path
) -> None:
    hostile = fleet.boot("rescue-hostile", NODE)
    fleet.wait(hostile, "active")
    fleet.act(hostile, "os-stop", "stopped")
    on_node(NODE, SPOIL.format(id=hostile))
    for link in ("/shadow", "/upwards"):
        refused = rescue(stackmend, hostile, "--read", link)
        assert (refused.status, "root:" in refused.out) == (1, False), refused.out
        assert "No such file" in refused.out
    out = tmp_path / "out"
    words = ("--list", "/everything/etc", "--copy", "/", "--to", str(out))
    done = rescue(stackmend, hostile, *words)
    assert done.status == 0, done.out + done.err
    assert "/etc/hostname" in done.out
    assert "passwd" not in done.out
    assert "\033" not in done.out + done.err
    copied = {str(path.relative_to(out)) for path in out.rglob("*") if not path.is_dir()}
    assert {"disk.1/README", "disk.1/etc/hostname"} <= copied
    assert not {name for name in copied if "shadow" in name or "fifo" in name}
    assert (fleet.state(hostile), "suspend" in actions(fleet, hostile)) == ("stopped", False)
    fleet.delete(hostile)


def test_killed_at_every_record(stackmend: Command, instance: str, lab_env: dict[str, str]) -> None:
    first = rescue(stackmend, instance, "--list", "disk.1:/", extra={"STACKMEND_CRASH_AT": "1"})
    assert first.status == KILLED, first.out + first.err
    run = stackmend("runs", "list", "--open", "-f", "json").json()[0]["id"]
    killed_at: set[tuple[str, str]] = set()
    number = 1
    while (last := records(lab_env, run)[-1]) != DONE:
        # a record at which the run was killed before: die one later, until there is a new one
        number = number + 1 if last in killed_at else 2
        killed_at.add(last)
        ended = stackmend("runs", "resume", run, extra={"STACKMEND_CRASH_AT": str(number)})
        assert ended.status in {KILLED, 0}, ended.out + ended.err
    # each resume begins with the same record, at which there is nothing new to kill
    assert set(records(lab_env, run)) - killed_at == {DONE, ("run-resumed", "")}


def test_the_node_gives_the_instance_back_when_stackmend_does_not(
    stackmend: Command, fleet: Fleet, instance: str, on_node: OnNode
) -> None:
    # record 13: the disks are open
    words = ("--list", "disk.1:/", "--limit", "20")
    killed = rescue(stackmend, instance, *words, extra={"STACKMEND_CRASH_AT": "13"})
    assert killed.status == KILLED, killed.out + killed.err
    assert (fleet.state(instance), fleet.domains(NODE)[instance]) == ("suspended", "shut off")
    assert "qemu-storage-daemon" in on_node(NODE, LEFT.format(id=instance))
    until(lambda: fleet.domains(NODE)[instance] == "running", "its node has started it", timeout=90)
    until(lambda: on_node(NODE, LEFT.format(id=instance)) == "", "nothing is left on the node", timeout=30)
    run = last_run(stackmend)["id"]
    late = stackmend("runs", "resume", run)
    assert (late.status, "rescue-expired" in late.out) == (4, True), late.out + late.err
    undone = stackmend("runs", "undo", run)
    assert undone.status == 0, undone.out + undone.err
    assert actions(fleet, instance)[-1] == "resetState"
