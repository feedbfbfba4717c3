"""What commands met: a list, a boot that fails on its node, and a client that tells nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fleet import STACKMEND, Ended, Fleet, Stackmend

pytestmark = pytest.mark.lab

OPENSTACK = str(STACKMEND.parent / "openstack")
NODE = "c03"
"""Whose directory of instances is its own."""
INSTANCES = "/var/lib/nova/instances"

Script = Callable[[str, str], str]


def traced(stackmend: Stackmend, answer: Path, *words: str, extra: dict[str, str] | None = None) -> tuple[Ended, Any]:
    """Trace a command; return how it ended, and the answer."""
    ended = stackmend("trace", "-f", "json", "-o", str(answer), *words, extra=extra, timeout=240)
    return ended, json.loads(answer.read_text())


def places(answer: Any) -> set[tuple[str, str]]:
    return {(hop["service"], hop["node"]) for hop in answer["hops"]}


@contextmanager
def not_writable(on_node: Script) -> Iterator[None]:
    """Take from nova-compute the right to make directories for instances on NODE."""
    on_node(NODE, f"chmod u-w {INSTANCES}; ! su nova -s /bin/sh -c 'test -w {INSTANCES}'")
    try:
        yield
    finally:
        on_node(NODE, f"chmod u+w {INSTANCES}; su nova -s /bin/sh -c 'test -w {INSTANCES}'")


def test_a_list_that_works_is_followed_through_its_services(stackmend: Stackmend, tmp_path: Path) -> None:
    listing = (OPENSTACK, "server", "list", "-f", "json")
    ended, answer = traced(stackmend, tmp_path / "answer", "--follow", "--", *listing)
    assert ended.status == 0, ended.err
    assert isinstance(json.loads(ended.out), list)
    assert (answer["way"], answer["conclusion"]["wrong"]) == ("told", False), answer["conclusion"]
    calls = [(call["service"], call["method"], call["status"]) for call in answer["calls"]]
    assert ("keystone", "POST", 201) in calls
    assert ("nova", "GET", 200) in calls
    listed = {call["request"] for call in answer["calls"] if "/servers" in call["url"]}
    apis = [hop for hop in answer["hops"] if hop["service"].startswith("nova-api")]
    assert listed
    assert listed <= {request for hop in apis for request in hop["requests"]}
    assert {(hop["node"], hop["errors"]) for hop in apis} == {("ctl01", 0)}
    assert "/servers" in ended.err  # nova's record of it, as it was written
    assert "gAAAAA" not in ended.err + (tmp_path / "answer").read_text()


def test_a_boot_that_fails_on_its_node_is_not_laid_to_the_conductor(
    stackmend: Stackmend, fleet: Fleet, on_node: Script, tmp_path: Path
) -> None:
    boot = ("--os-compute-api-version", "2.90", "server", "create", "--wait", "--host", NODE)
    what = ("--image", "lab-linux", "--flavor", "lab.tiny", "--network", "lab-net", "trace-fails")
    with not_writable(on_node):
        ended, answer = traced(stackmend, tmp_path / "answer", "--", OPENSTACK, *boot, *what)
    instance = fleet.cloud.compute.find_server("trace-fails", ignore_missing=False).id
    fleet.delete(instance)
    assert ended.status == 1, ended.err
    found = answer["conclusion"]
    assert (found["service"], found["node"], answer["command"]["status"]) == ("nova-compute", NODE, 1), found
    assert f"PermissionError: [Errno 13] Permission denied: '{INSTANCES}/{instance}'" in found["sentence"]
    assert [link["place"] for link in found["chain"]] == [
        f"nova-compute on {NODE}",
        "nova-conductor on ctl01",
        "the command",
    ]
    assert "Error from last host" in found["chain"][1]["text"]
    assert "Traceback (most recent call last):" in found["evidence"][-1]["text"]


def test_a_client_that_tells_nothing_is_followed_by_time_and_address_as_its_work_goes_on(
    stackmend: Stackmend, fleet: Fleet, tmp_path: Path
) -> None:
    cloud = fleet.cloud
    server = {
        "name": "trace-curl",
        "flavorRef": cloud.compute.find_flavor("lab.tiny", ignore_missing=False).id,
        "imageRef": cloud.image.find_image("lab-linux", ignore_missing=False).id,
        "networks": "none",
        "host": NODE,
    }
    (tmp_path / "body").write_text(json.dumps({"server": server}))
    curl = (
        'curl -sS -o /dev/null -w "%{http_code}" -H "X-Auth-Token: $TOKEN" -H "Content-Type: application/json" '
        '-H "OpenStack-API-Version: compute 2.90" -d "@$1" "$2/servers"'
    )
    words = ("sh", "-c", curl, "sh", str(tmp_path / "body"), str(cloud.compute.get_endpoint()).rstrip("/"))
    token = {"TOKEN": str(cloud.auth_token)}
    ended, answer = traced(stackmend, tmp_path / "answer", "--wait", "8", "--", *words, extra=token)
    instance = cloud.compute.find_server("trace-curl", ignore_missing=False).id
    fleet.wait(instance, "active")
    fleet.delete(instance)
    assert (ended.status, ended.out) == (0, "202"), ended.err
    assert (answer["way"], answer["conclusion"]["wrong"]) == ("address", False), answer["conclusion"]
    (call,) = [call for call in answer["calls"] if call["method"] == "POST" and call["status"] == 202]
    assert (call["service"], call["url"].endswith("/servers")) == ("nova", True)
    assert ("nova-compute", NODE) in places(answer)
    assert any("time and address" in sentence for sentence in answer["remarks"])
    assert token["TOKEN"] not in json.dumps(answer)
