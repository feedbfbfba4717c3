"""Instances that do not boot are told why, and brought back; what a user stopped stays so."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fleet import Ended, Fleet, until

pytestmark = pytest.mark.lab

Command = Callable[..., Ended]
Script = Callable[[str, str], str]
NODE = "c02"
REBOOTED = "5-before"
"""The record that a reboot is made: after run, resumed, started and intent."""
NAMES = ("boot-a", "boot-b", "boot-c")


@pytest.fixture(scope="module")
def trio(fleet: Fleet) -> Iterator[dict[str, str]]:
    """Three running instances on the node, by name."""
    ids = {name: fleet.boot(name, NODE) for name in NAMES}
    for instance in ids.values():
        fleet.wait(instance, "active")
    yield ids
    fleet.clear()


@pytest.fixture
def broken(stackmend: Command) -> Iterator[Callable[[str, str], None]]:
    """Break an instance; it is healed at the end of the test."""
    done: list[tuple[str, str]] = []

    def break_(fault: str, name: str) -> None:
        done.append((fault, name))
        ended = stackmend("lab", "break", fault, name)
        assert ended.status == 0, ended.err

    yield break_
    for fault, name in done:
        assert stackmend("lab", "heal", fault, name).status == 0


def process(on_node: Script, instance: str) -> str:
    """Return the number and the start of the QEMU process of an instance, by the node's kernel."""
    return on_node(NODE, f"ps -o pid=,lstart= -p $(pgrep -f -- 'qemu-system.*{instance}' | head -n 1)").strip()


def codes(stackmend: Command, name: str) -> list[str]:
    ended = stackmend("instance", "diagnose", name, "-f", "json")
    found = [cause["code"] for cause in ended.json()["causes"]]
    assert ended.status == (1 if found else 0), ended.err
    return found


def done(ended: Ended) -> None:
    assert ended.status == 0, ended.out + ended.err


def off(fleet: Fleet, instance: str) -> None:
    """Have nova stop an instance, unless it has."""
    if fleet.state(instance) != "stopped":
        fleet.act(instance, "os-stop", "stopped")


def healed(stackmend: Command, fault: str, place: str) -> None:
    done(stackmend("lab", "heal", fault, place))


def is_told_and_not_cured(stackmend: Command, name: str, cause: str) -> None:
    """See that a cause is named first, which is the one that a cure is for, and that no cure is tried."""
    refused = stackmend("instance", "diagnose", name, "--fix", "--yes")
    assert (refused.status, f"no-cure: {cause}: " in refused.err) == (3, True), refused.out + refused.err


def test_an_instance_that_runs_is_listed_shown_and_heard(
    stackmend: Command, trio: dict[str, str], fleet: Fleet
) -> None:
    listed = {row["instance"]: row for row in stackmend("instance", "list", "--node", NODE, "-f", "json").json()}
    assert {(listed[n]["node"], listed[n]["state"], listed[n]["libvirt"]) for n in NAMES} == {
        (NODE, "active", "running")
    }
    shown = stackmend("server", "show", "boot-a", "-f", "json").json()
    assert shown["place"] == f"every witness has it on {NODE}"
    assert shown["libvirt"]["disks"][0]["path"].endswith(f"/{trio['boot-a']}/disk")
    assert (shown["image"], shown["causes"], shown["actions"][0]["verb"]) == ("active", [], "create")
    assert shown["ports"][0]["status"] == "ACTIVE"
    until(lambda: "stackmend-beat" in stackmend("instance", "console", "boot-a").out, "its beat is on its console")
    assert "the guest wrote what follows" in stackmend("instance", "console", "boot-a").err
    assert fleet.state(trio["boot-a"]) == "active"


def test_the_console_is_read_from_the_node_where_nova_does_not_answer(
    stackmend: Command, trio: dict[str, str], lab: dict[str, str], tmp_path: Path
) -> None:
    assert trio
    clouds = Path(lab["OS_CLIENT_CONFIG_FILE"]).read_text()
    elsewhere = "region_name: RegionOne\n    compute_endpoint_override: http://127.0.0.1:9/v2.1"
    (tmp_path / "clouds.yaml").write_text(clouds.replace("region_name: RegionOne", elsewhere))
    silent = {"OS_CLIENT_CONFIG_FILE": str(tmp_path / "clouds.yaml")}
    ended = stackmend("instance", "console", "boot-a", extra=silent)
    assert "stackmend-beat" in ended.out
    assert "from the file on its node" in ended.err


def test_a_soft_reboot_is_another_process(
    stackmend: Command, trio: dict[str, str], on_node: Script, fleet: Fleet
) -> None:
    before = process(on_node, trio["boot-b"])
    done(stackmend("instance", "reboot", "boot-b", "--yes"))
    assert process(on_node, trio["boot-b"]) not in {"", before}
    assert fleet.state(trio["boot-b"]) == "active"


def test_a_hard_reboot_whose_stackmend_was_killed_is_not_made_twice(
    stackmend: Command, trio: dict[str, str], on_node: Script, fleet: Fleet
) -> None:
    before = process(on_node, trio["boot-b"])
    killed = stackmend("instance", "reboot", "boot-b", "--hard", "--yes", extra={"STACKMEND_CRASH_AT": REBOOTED})
    assert killed.status == -signal.SIGKILL
    after = process(on_node, trio["boot-b"])
    assert after not in {"", before}
    run = next(r["id"] for r in stackmend("runs", "list", "-f", "json").json() if r["state"] == "interrupted")
    done(stackmend("runs", "resume", run))
    assert process(on_node, trio["boot-b"]) == after
    assert fleet.state(trio["boot-b"]) == "active"


def test_a_kernel_that_panics_is_told(
    stackmend: Command, trio: dict[str, str], broken: Callable[[str, str], None], fleet: Fleet
) -> None:
    broken("kernel-panic", "boot-c")
    assert codes(stackmend, "boot-c") == ["kernel-panic"]
    assert fleet.state(trio["boot-c"]) == "active"


def verified(stackmend: Command) -> dict[str, dict[str, str]]:
    """Return the findings of a verification of NODE by their codes."""
    found = stackmend("node", "verify", NODE, "--no-canary", "-f", "json").json()
    return {finding["check"]: finding for finding in found}


def test_untrue_records_are_told(stackmend: Command, trio: dict[str, str], broken: Callable[[str, str], None]) -> None:
    broken("stale-allocation", "boot-a")
    assert codes(stackmend, "boot-a") == ["wrong-host"]
    assert stackmend("lab", "heal", "stale-allocation", "boot-a").status == 0
    assert codes(stackmend, "boot-a") == []
    broken("wrong-host", "boot-a")
    broken("deleted-row", "boot-b")
    assert codes(stackmend, "boot-a") == ["wrong-host", "xml-missing"]
    refused = stackmend("instance", "diagnose", "boot-a", "--fix", "--yes")
    assert (refused.status, "wrong-host" in refused.err) == (3, True)
    domains = verified(stackmend)["domains"]
    assert domains["level"] == "failed"
    assert f"boot-a ({trio['boot-a']}) is running, and nova has it active on " in domains["finding"]
    assert f"({trio['boot-b']}) is running, and nova does not have it" in domains["finding"]
    assert trio["boot-c"] not in domains["finding"]
    for fault, name in (("wrong-host", "boot-a"), ("deleted-row", "boot-b")):
        assert stackmend("lab", "heal", fault, name).status == 0
    assert verified(stackmend)["domains"]["level"] == "ok"


def test_what_nova_makes_again_is_told_and_made_and_what_it_cannot_is_told_first(
    stackmend: Command, trio: dict[str, str], broken: Callable[[str, str], None], fleet: Fleet, on_node: Script
) -> None:
    fleet.act(trio["boot-a"], "os-stop", "stopped")
    assert codes(stackmend, "boot-a") == ["stopped"]
    refused = stackmend("instance", "diagnose", "boot-a", "--fix", "--yes")
    assert (refused.status, "no-cure" in refused.err) == (3, True)
    broken("missing-xml", "boot-a")
    assert trio["boot-a"] not in fleet.domains(NODE)
    assert codes(stackmend, "boot-a") == ["xml-missing"]
    broken("network-not-bound", "boot-a")
    is_told_and_not_cured(stackmend, "boot-a", "network-not-bound")
    healed(stackmend, "network-not-bound", "boot-a")
    broken("missing-base", "boot-a")
    broken("image-gone", "boot-a")
    is_told_and_not_cured(stackmend, "boot-a", "image-gone")
    healed(stackmend, "image-gone", "boot-a")
    found = stackmend("instance", "diagnose", "boot-a", "-f", "json").json()["causes"]
    assert [cause["code"] for cause in found] == ["base-missing", "xml-missing"]
    base = found[0]["evidence"]["missing"]
    assert on_node(NODE, f"[ -e {base} ] || echo gone").strip() == "gone"
    done(stackmend("instance", "diagnose", "boot-a", "--fix", "--yes"))
    assert fleet.running_on(trio["boot-a"], (NODE,)) == [NODE]
    on_node(NODE, f"cmp {base} {base}.broken")
    assert codes(stackmend, "boot-a") == []


def test_a_damaged_disk_is_told_by_a_start_that_fails(
    stackmend: Command, trio: dict[str, str], broken: Callable[[str, str], None], fleet: Fleet
) -> None:
    fleet.act(trio["boot-a"], "os-stop", "stopped")
    broken("corrupt-disk", "boot-a")
    assert codes(stackmend, "boot-a") == ["disk-corrupt"]
    refused = stackmend("instance", "diagnose", "boot-a", "--fix", "--yes")
    assert (refused.status, "disk-corrupt" in refused.err) == (3, True)
    paused = stackmend("instance", "start", "boot-a", "boot-b", "--yes")
    assert paused.status == 4, paused.out + paused.err
    assert "did not come up: boot-a (disk-corrupt" in paused.out + paused.err
    run = next(r["id"] for r in stackmend("runs", "list", "-f", "json").json() if r["state"] == "paused")
    assert stackmend("lab", "heal", "corrupt-disk", "boot-a").status == 0
    fleet.wait(trio["boot-a"], "stopped")
    assert stackmend("runs", "abort", run).status == 0
    done(stackmend("instance", "start", "boot-a", "--yes"))
    assert fleet.running_on(trio["boot-a"], (NODE,)) == [NODE]


def test_a_disk_without_room_pauses_an_instance_and_is_told(
    stackmend: Command, trio: dict[str, str], broken: Callable[[str, str], None], fleet: Fleet
) -> None:
    off(fleet, trio["boot-a"])
    broken("disk-full", "boot-a")
    fleet.act(trio["boot-a"], "os-start", "active")
    until(lambda: fleet.domains(NODE)[trio["boot-a"]] == "paused", "QEMU has paused it")
    is_told_and_not_cured(stackmend, "boot-a", "disk-full")


def test_a_root_that_needs_a_person_at_fsck_is_told(
    stackmend: Command, trio: dict[str, str], broken: Callable[[str, str], None], fleet: Fleet
) -> None:
    off(fleet, trio["boot-a"])
    broken("root-needs-fsck", "boot-a")
    fleet.act(trio["boot-a"], "os-start", "active")
    until(lambda: "(initramfs)" in stackmend("instance", "console", "boot-a").out, "it is at its prompt")
    is_told_and_not_cured(stackmend, "boot-a", "fsck-prompt")


def test_a_volume_out_of_reach_is_told_and_one_that_is_left_out_is_connected(
    stackmend: Command, trio: dict[str, str], broken: Callable[[str, str], None], fleet: Fleet, on_node: Script
) -> None:
    off(fleet, trio["boot-a"])
    volume = fleet.volume("boot-data")
    fleet.attach(trio["boot-a"], volume)
    broken("ceph-cut", NODE)
    is_told_and_not_cured(stackmend, "boot-a", "volume-not-connected")
    healed(stackmend, "ceph-cut", NODE)
    broken("missing-volumes", "boot-a")
    assert codes(stackmend, "boot-a") == ["volume-not-connected"]
    done(stackmend("instance", "diagnose", "boot-a", "--fix", "--yes"))
    assert volume in on_node(NODE, f"virsh -q domblklist {trio['boot-a']}")


def test_after_a_reboot_of_the_node_only_what_ran_is_started(
    stackmend: Command, trio: dict[str, str], fleet: Fleet, on_node: Script
) -> None:
    fleet.act(trio["boot-c"], "os-stop", "stopped")
    started = on_node(NODE, "stat -c %Z /run/systemd")
    on_node(NODE, "systemd-run --quiet --collect --on-active=1 --timer-property=AccuracySec=100ms systemctl reboot")
    until(lambda: is_back(stackmend, started), f"{NODE} has rebooted", timeout=180)
    until(lambda: fleet.service(NODE)["state"] == "up", "nova-compute reports")
    ran = stackmend("instance", "list", "--node", NODE, "--was-running", "-f", "json").json()
    assert [row["instance"] for row in ran] == ["boot-a", "boot-b"]
    plan = stackmend("instance", "start", "--node", NODE, "--plan", "-f", "json").json()
    assert [note.partition(":")[0] for note in plan["notes"]] == ["boot-c"]
    done(stackmend("instance", "start", "--node", NODE, "--limit", "2", "--yes"))
    running = [name for name in NAMES if fleet.running_on(trio[name], (NODE,))]
    assert running == ["boot-a", "boot-b"]
    assert fleet.state(trio["boot-c"]) == "stopped"
    again = stackmend("instance", "start", "--node", NODE, "--yes")
    assert (again.status, "nothing to start" in again.err) == (3, True)


def is_back(stackmend: Command, started: str) -> bool:
    """Whether the node has booted since, by ssh and its own systemd."""
    script = "systemctl is-active nova-compute >/dev/null && stat -c %Z /run/systemd"
    ended = stackmend("lab", "run", NODE, "--", "sh", "-c", script)
    return ended.status == 0 and ended.out != started
