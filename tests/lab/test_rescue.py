"""Reading an instance's disks: what comes out, what a guest can't do, and that it is given back whatever dies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fleet import Ended, Fleet, until
from killing import DONE, KILLED, journal

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600, func_only=True)]

Command = Callable[..., Ended]
OnNode = Callable[[str, str], str]
NODE = "c03"
OPEN = "13"
"""The record of a run at which the disks are open."""
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
cd /; sync; umount $work/mnt
pid=$(cat $work/pid); kill $pid
while [ -e /proc/$pid ] || grep -q " $work/raw " /proc/mounts; do :; done
rm -r $work"""


WITH_LVM = """export LIBGUESTFS_BACKEND=direct LIBGUESTFS_BACKEND_SETTINGS=force_tcg
guestfish --format=qcow2 -a /var/lib/nova/instances/{id}/disk.eph0 <<END
run
zero /dev/sda
pvcreate /dev/sda
vgcreate vg0 /dev/sda
lvcreate root vg0 12
mkfs ext4 /dev/vg0/root
mount /dev/vg0/root /
write /inside "of a logical volume"
END"""


@pytest.fixture(scope="module")
def hostile(fleet: Fleet, on_node: OnNode) -> str:
    """A stopped instance with an ephemeral disk, that has links to what is its node's."""
    made = fleet.boot("rescue-hostile", NODE, flavor="lab.ephemeral")
    fleet.wait(made, "active")
    fleet.act(made, "os-stop", "stopped")
    on_node(NODE, SPOIL.format(id=made))
    return made


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
    trusting = ("--way", "fuse", "--trust-guest")
    return stackmend("instance", "rescue", instance, "--reason", "TICKET-7", *trusting, "--yes", *words, **more)


def last_run(stackmend: Command) -> dict[str, Any]:
    newest = stackmend("runs", "list", "-f", "json").json()[0]["id"]
    return dict(stackmend("runs", "show", newest, "-f", "json").json())


def test_files_are_read_and_the_instance_goes_on(
    stackmend: Command, fleet: Fleet, instance: str, tmp_path: Path
) -> None:
    words = ("--list", "disk.eph0:/", "--read", "/README", "--copy", "disk.1:/", "--to", str(tmp_path / "out"))
    untrusted = stackmend("instance", "rescue", instance, "--reason", "x", "--way", "fuse", "--yes", *words)
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
    stackmend: Command, fleet: Fleet, hostile: str, tmp_path: Path
) -> None:
    for link in ("/shadow", "/upwards"):
        refused = rescue(stackmend, hostile, "--read", link)
        assert (refused.status, "root:" in refused.out) == (1, False), refused.out
        assert "No such file" in refused.out
    out = tmp_path / "out"
    words = ("--list", "disk.1:/everything/etc", "--copy", "disk.1:/", "--to", str(out))
    done = rescue(stackmend, hostile, *words)
    assert done.status == 0, done.out + done.err
    assert "/etc/hostname" in done.out
    assert "passwd" not in done.out
    assert "\033" not in done.out + done.err
    copied = {str(path.relative_to(out)) for path in out.rglob("*") if not path.is_dir()}
    assert {"disk.1/README", "disk.1/etc/hostname"} <= copied
    assert not {name for name in copied if "shadow" in name or "fifo" in name}
    assert (fleet.state(hostile), "suspend" in actions(fleet, hostile)) == ("stopped", False)


def test_a_virtual_machine_reads_one_that_nobody_trusts_lvm_too_and_a_shell_ends_by_itself(
    stackmend: Command, hostile: str, on_node: OnNode, tmp_path: Path
) -> None:
    on_node(NODE, WITH_LVM.format(id=hostile))
    unread = rescue(stackmend, hostile, "--list", "disk.eph0:/")
    assert (unread.status, "LVM2_member" in json.dumps(last_run(stackmend))) == (1, True), unread.out
    copying = ("--copy", "lvm.vg0.root:/", "--copy", "disk.1:/", "--to", str(tmp_path / "out"))
    typed = "cat disk.1/README; touch disk.1/new || echo not-written; cat disk.1/shadow || echo not-there; sleep 600\n"
    asked = ("instance", "rescue", hostile, "--reason", "TICKET-8", "--yes", "--shell", "0.3", *copying)
    done = stackmend(*asked, typed=typed)
    assert done.status == 0, done.out + done.err
    assert (tmp_path / "out/lvm.vg0.root/inside").read_text() == "of a logical volume"
    assert (tmp_path / "out/disk.1/README").read_bytes() == README
    assert [word in done.out for word in (README.decode(), "not-written", "not-there", "root:")] == [True] * 3 + [False]
    told = {step["action"]: step["receipt"] for step in last_run(stackmend)["steps"]}
    assert told["rescue.open"]["way"] == "libguestfs"
    assert told["rescue.shell"]["opened"] == [{"system": "disk.1", "path": "/README"}]
    assert on_node(NODE, LEFT.format(id=hostile)) == ""


def killed_throughout(stackmend: Command, lab_env: dict[str, str], *asked: str) -> None:
    """Begin a rescue, and kill it at each of its records until it is done."""
    first = stackmend("instance", "rescue", *asked, "--yes", extra={"STACKMEND_CRASH_AT": "1"})
    assert first.status == KILLED, first.out + first.err
    run = stackmend("runs", "list", "--open", "-f", "json").json()[0]["id"]
    killed_at: set[tuple[str, str]] = set()
    number = 1
    while (last := journal(lab_env, run)[-1]) != DONE:
        # a record at which the run was killed before: die one later, until there is a new one
        number = number + 1 if last in killed_at else 2
        killed_at.add(last)
        ended = stackmend("runs", "resume", run, extra={"STACKMEND_CRASH_AT": str(number)})
        assert ended.status in {KILLED, 0}, ended.out + ended.err
    # each resume begins with the same record, at which there is nothing new to kill
    assert set(journal(lab_env, run)) - killed_at == {DONE, ("run-resumed", "")}


def test_killed_at_every_record(stackmend: Command, instance: str, lab_env: dict[str, str]) -> None:
    asked = ("--way", "fuse", "--trust-guest", "--list", "disk.1:/")
    killed_throughout(stackmend, lab_env, instance, "--reason", "TICKET-9", *asked)


@pytest.mark.long
@pytest.mark.usefixtures("instance")
def test_killed_at_every_record_without_nova(stackmend: Command, lab_env: dict[str, str]) -> None:
    assert stackmend("lab", "break", "nova-api-stop", "ctl01").status == 0
    try:
        asked = ("--way", "fuse", "--trust-guest", "--list", "disk.1:/")
        killed_throughout(stackmend, lab_env, "rescue", "--reason", "TICKET-9", *asked)
    finally:
        assert stackmend("lab", "heal", "nova-api-stop", "ctl01").status == 0


@pytest.mark.long
def test_killed_at_every_record_with_a_virtual_machine_and_a_shell(
    stackmend: Command, instance: str, lab_env: dict[str, str]
) -> None:
    killed_throughout(stackmend, lab_env, instance, "--reason", "TICKET-9", "--shell", "0.3", "--list", "disk.1:/")


def test_the_node_gives_the_instance_back_when_stackmend_does_not(
    stackmend: Command, fleet: Fleet, instance: str, on_node: OnNode
) -> None:
    words = ("--list", "disk.1:/", "--limit", "20")
    killed = rescue(stackmend, instance, *words, extra={"STACKMEND_CRASH_AT": OPEN})
    assert killed.status == KILLED, killed.out + killed.err
    assert (fleet.state(instance), fleet.domains(NODE)[instance]) == ("suspended", "shut off")
    assert "qemu-storage-daemon" in on_node(NODE, LEFT.format(id=instance))
    until(lambda: fleet.domains(NODE)[instance] == "running", "its node has started it", timeout=90)
    until(lambda: on_node(NODE, LEFT.format(id=instance)) == "", "nothing is left on the node", timeout=30)
    run = last_run(stackmend)["id"]
    told = stackmend("status").out
    assert ("nova calls it suspended" in " ".join(told.split()), f"runs undo {run}" in " ".join(told.split())) == (
        True,
        True,
    ), told
    late = stackmend("runs", "resume", run)
    assert (late.status, "rescue-expired" in late.out) == (4, True), late.out + late.err
    undone = stackmend("runs", "undo", run)
    assert undone.status == 0, undone.out + undone.err
    assert actions(fleet, instance)[-1] == "resetState"


def test_without_nova_its_node_pauses_it_and_lets_it_go_on(
    stackmend: Command, fleet: Fleet, instance: str, on_node: OnNode
) -> None:
    before = actions(fleet, instance)
    assert stackmend("lab", "break", "nova-api-stop", "ctl01").status == 0
    try:
        words = ("--read", "disk.1:/README", "--limit", "20")
        killed = rescue(stackmend, instance, *words, extra={"STACKMEND_CRASH_AT": OPEN})
        assert (killed.status, fleet.domains(NODE)[instance]) == (KILLED, "paused"), killed.out + killed.err
        until(lambda: fleet.domains(NODE)[instance] == "running", "its node lets it go on", timeout=60)
        until(lambda: on_node(NODE, LEFT.format(id=instance)) == "", "nothing is left on the node", timeout=30)
        undone = stackmend("runs", "undo", last_run(stackmend)["id"])
        assert undone.status == 0, undone.out + undone.err
        done = rescue(stackmend, "rescue", *words)
        assert (done.status, README.decode() in done.out) == (0, True), done.out + done.err
    finally:
        assert stackmend("lab", "heal", "nova-api-stop", "ctl01").status == 0
    assert actions(fleet, instance) == before


def test_a_rebooted_node_still_gives_the_instance_back(
    stackmend: Command, fleet: Fleet, instance: str, on_node: OnNode
) -> None:
    killed = rescue(stackmend, instance, "--list", "disk.1:/", "--limit", "20", extra={"STACKMEND_CRASH_AT": OPEN})
    assert (killed.status, fleet.state(instance)) == (KILLED, "suspended"), killed.out + killed.err
    assert stackmend("lab", "break", "power-cut", NODE).status == 0
    assert stackmend("lab", "heal", "power-cut", NODE).status == 0
    until(lambda: fleet.domains(NODE)[instance] == "running", "its node has started it", timeout=120)
    until(lambda: on_node(NODE, LEFT.format(id=instance)) == "", "nothing is left on the node", timeout=30)
    undone = stackmend("runs", "undo", last_run(stackmend)["id"])
    assert undone.status == 0, undone.out + undone.err


def test_an_instance_on_a_volume_is_read_from_ceph_and_its_key_stays_on_the_node(
    stackmend: Command, fleet: Fleet, on_node: OnNode, lab_env: dict[str, str]
) -> None:
    on_volume = fleet.boot("rescue-volume", NODE, from_volume=True)
    fleet.wait(on_volume, "active")
    done = rescue(stackmend, on_volume, "--read", "vda.1:/README")
    assert (done.status, README.decode() in done.out) == (0, True), done.out + done.err
    assert (fleet.state(on_volume), fleet.domains(NODE)[on_volume]) == ("active", "running")
    key = on_node("ctl01", "sed -n 's/.*key = //p' /etc/ceph/ceph.client.cinder.keyring").strip()
    written = b"".join(path.read_bytes() for path in Path(lab_env["STACKMEND_STATE"]).glob("journal.db*"))
    assert (key.encode() in written, key in done.out + done.err, len(key) > 16) == (False, False, True)
    fleet.delete(on_volume)
