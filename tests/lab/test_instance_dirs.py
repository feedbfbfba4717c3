"""A node's directory of instances on the real lab: audited, cleaned into the trash, killed meanwhile, and undone."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from fleet import Ended, Fleet

pytestmark = pytest.mark.lab

NODE = "c03"
SHARING, OTHER = "c01", "c02"
PLACE = "/var/lib/nova/instances"
KILLED = -signal.SIGKILL
TRASH = f"{PLACE}/.stackmend-trash"

Command = Callable[..., Ended]
OnNode = Callable[[str, str], str]


@pytest.fixture(scope="module", autouse=True)
def alone(on_node: OnNode) -> Iterator[None]:
    """Nova's own list of the nodes that use the directory, as nova writes it once in 40 minutes."""
    text = json.dumps({NODE: time.time()})
    on_node(NODE, f"cd {PLACE}; [ ! -e compute_nodes ] || mv compute_nodes ../nodes; echo '{text}' >compute_nodes")
    yield
    on_node(NODE, f"cd {PLACE}; rm -f compute_nodes; [ ! -e ../nodes ] || mv ../nodes compute_nodes")


@pytest.fixture(scope="module")
def instance(fleet: Fleet) -> str:
    """A running instance on the node."""
    one = fleet.boot("dirs", NODE)
    fleet.wait(one, "active")
    return one


@pytest.fixture
def orphan(instance: str, on_node: OnNode) -> Iterator[str]:
    """A copy of the instance's directory under a UUID that nobody knows, its name recorded by nobody."""
    name = str(uuid4())
    on_node(NODE, f"cp -a {PLACE}/{instance} {PLACE}/{name}")
    yield name
    on_node(NODE, f"rm -rf {PLACE}/{name} {TRASH}")


def audited(stackmend: Command, node: str, **more: str) -> dict[str, Any]:
    ended = stackmend("instance-dirs", "audit", node, "-f", "json", extra=more)
    assert ended.status == 0, ended.err
    found = ended.json()
    return {**found, "items": {item["item"]: item for item in found["items"]}}


def standing(audit: dict[str, Any], name: str) -> str:
    return str(audit["items"][name]["standing"]) if name in audit["items"] else "not there"


def seal(on_node: OnNode, place: str) -> str:
    """Return what tells a directory from another with the same name: its inode and what is in it."""
    return on_node(NODE, f"cd {place} && stat -c %i . && sha256sum $(ls | grep -v console.log)")


def base_of(on_node: OnNode, instance: str) -> str:
    chain = on_node(NODE, f"qemu-img info -U {PLACE}/{instance}/disk | sed -n 's|^backing file: ||p'")
    return chain.strip().removeprefix(f"{PLACE}/")


def run_of(stackmend: Command) -> str:
    return str(stackmend("runs", "list", "-f", "json").json()[0]["id"])


def test_an_orphan_goes_into_the_trash_and_comes_back_whenever_the_run_is_killed(
    stackmend: Command, on_node: OnNode, instance: str, orphan: str
) -> None:
    audit = audited(stackmend, NODE)
    assert (standing(audit, instance), standing(audit, orphan)) == ("in-use", "orphaned")
    assert {instance, orphan} <= set(audit["items"][base_of(on_node, instance)]["users"])
    refused = stackmend("instance-dirs", "clean", NODE, instance, "--yes")
    assert (refused.status, "files-needed" in refused.err) == (3, True), refused.err
    before = seal(on_node, f"{PLACE}/{orphan}")
    planned = stackmend("instance-dirs", "clean", NODE, "--plan", "-f", "json").json()["steps"][0]["params"]["items"]
    assert (orphan in planned, instance in planned) == (True, False)
    assert seal(on_node, f"{PLACE}/{orphan}") == before
    clean_killed(stackmend, orphan)
    run = run_of(stackmend)
    resumed_and_killed(stackmend, run)
    assert seal(on_node, f"{TRASH}/{run}/{orphan}") == before
    audit = audited(stackmend, NODE)
    assert (standing(audit, orphan), standing(audit, f".stackmend-trash/{run}")) == ("not there", "recoverable")
    killed = stackmend("instance-dirs", "restore", NODE, run, "--yes", extra={"STACKMEND_CRASH_AT": "4"})
    assert killed.status == KILLED, killed.out + killed.err
    resumed_and_killed(stackmend, run_of(stackmend))
    assert seal(on_node, f"{PLACE}/{orphan}") == before
    assert on_node(NODE, f"ls -A {PLACE} | grep -c stackmend || true").strip() == "0"


def clean_killed(stackmend: Command, orphan: str) -> None:
    """Begin a clean that is killed when it has decided, and not yet moved anything."""
    killed = stackmend("instance-dirs", "clean", NODE, orphan, "--yes", extra={"STACKMEND_CRASH_AT": "4"})
    assert killed.status == KILLED, killed.out + killed.err


def resumed_and_killed(stackmend: Command, run: str) -> None:
    """Carry a run on to its end, killed once more right after the change is made."""
    killed = stackmend("runs", "resume", run, extra={"STACKMEND_CRASH_AT": "3"})
    assert killed.status == KILLED, killed.out + killed.err
    ended = stackmend("runs", "resume", run)
    assert ended.status == 0, ended.out + ended.err


def test_what_comes_to_be_needed_after_a_kill_stays(
    stackmend: Command, on_node: OnNode, orphan: str, instance: str
) -> None:
    """Somebody defines a domain that uses the directory, between the decision and the resume."""
    clean_killed(stackmend, orphan)
    xml = f"virsh dumpxml {instance} | sed 's/{instance}/{orphan}/g; s/<name>.*</<name>mine</'"
    on_node(NODE, f"{xml} >/run/mine.xml && virsh define /run/mine.xml && rm /run/mine.xml")
    run = run_of(stackmend)
    try:
        ended = stackmend("runs", "resume", run)
        assert (ended.status, f"{orphan} on {NODE} stays" in ended.out + ended.err) == (4, True), ended.out + ended.err
        assert on_node(NODE, f"ls -d {PLACE}/{orphan}").strip() == f"{PLACE}/{orphan}"
    finally:
        on_node(NODE, "virsh undefine mine")
        stackmend("runs", "abort", run)


def test_a_missing_base_file_is_named_with_its_users(stackmend: Command, on_node: OnNode, instance: str) -> None:
    base = base_of(on_node, instance)
    on_node(NODE, f"mv {PLACE}/{base} {PLACE}/aside")
    try:
        audit = audited(stackmend, NODE)
    finally:
        on_node(NODE, f"mv {PLACE}/aside {PLACE}/{base}")
    assert (standing(audit, instance), standing(audit, base)) == ("at-risk", "missing")
    assert instance in audit["items"][base]["users"]
    assert "No such file" in audit["items"][instance]["sentence"]


def test_a_file_that_another_node_needs_stays(stackmend: Command, fleet: Fleet) -> None:
    there = fleet.boot("dirs-shared", OTHER)
    fleet.wait(there, "active")
    refused = stackmend("instance-dirs", "clean", SHARING, there, "--yes")
    assert (refused.status, f"libvirt on {OTHER} has its domain" in refused.err) == (3, True), refused.err
    fleet.delete(there)


def test_nothing_is_orphaned_while_nova_is_silent(
    stackmend: Command, lab: dict[str, str], tmp_path: Path, instance: str, orphan: str
) -> None:
    clouds = re.sub(r"(auth_url:.*?//[^:/]+)[^\n]*", r"\1:9/v3", Path(lab["OS_CLIENT_CONFIG_FILE"]).read_text())
    (tmp_path / "clouds.yaml").write_text(clouds)
    silent = {"OS_CLIENT_CONFIG_FILE": str(tmp_path / "clouds.yaml")}
    audit = audited(stackmend, NODE, **silent)
    assert (standing(audit, instance), standing(audit, orphan)) == ("in-use", "unknown")
    assert any(sentence.startswith("nova: ") for sentence in audit["unseen"])


def test_nothing_is_orphaned_while_a_node_that_shares_is_silent(
    stackmend: Command, on_node: OnNode, lab: dict[str, str], tmp_path: Path, orphan: str
) -> None:
    own = Path(lab["STACKMEND_INVENTORY"])
    inventory = yaml.safe_load(own.read_text())
    inventory["ssh"] |= {name: str(own.parent / inventory["ssh"][name]) for name in ("key", "known_hosts")}
    inventory["nodes"][OTHER]["address"] = "127.0.0.1"
    (tmp_path / "inventory.yaml").write_text(yaml.safe_dump(inventory))
    silent = {"STACKMEND_INVENTORY": str(tmp_path / "inventory.yaml")}
    on_node(NODE, f"sed -i 's/}}$/, \"{OTHER}\": 1}}/' {PLACE}/compute_nodes")
    audit = audited(stackmend, NODE, **silent)
    on_node(NODE, f"sed -i 's/, \"{OTHER}\": 1}}$/}}/' {PLACE}/compute_nodes")
    assert standing(audit, orphan) == "unknown"
    assert any(sentence.startswith(f"{OTHER}: ") for sentence in audit["unseen"])


def test_a_deleted_instance_is_recoverable_until_the_trash_is_emptied(
    stackmend: Command, fleet: Fleet, on_node: OnNode, instance: str
) -> None:
    on_node(NODE, f"cp -a {PLACE}/{instance} /var/lib/nova/kept")
    fleet.delete(instance)
    on_node(NODE, f"mv /var/lib/nova/kept {PLACE}/{instance}")
    assert standing(audited(stackmend, NODE), instance) == "recoverable"
    ended = stackmend("instance-dirs", "clean", NODE, instance, "--keep-days", "0", "--yes")
    assert ended.status == 0, ended.out + ended.err
    killed = stackmend("instance-dirs", "empty-trash", NODE, "--yes", extra={"STACKMEND_CRASH_AT": "5"})
    assert killed.status == KILLED, killed.out + killed.err
    assert stackmend("runs", "resume", run_of(stackmend)).status == 0
    assert on_node(NODE, f"ls -A {PLACE} | grep -c -e stackmend -e {instance} || true").strip() == "0"
