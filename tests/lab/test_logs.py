"""One request that fails, in the logs of all nodes; new records as they are written; a node that cannot be asked."""

from __future__ import annotations

import json
import signal
import subprocess
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from fleet import STACKMEND, Fleet, Stackmend, broken, until

pytestmark = pytest.mark.lab

GONE = "c03"
HUGE = {"name": "logs.huge", "ram": 150_000, "vcpus": 1, "disk": 1}
"""A flavor for which no node has room."""


@pytest.fixture(scope="module")
def failed(fleet: Fleet) -> Iterator[tuple[str, str]]:
    """The request id of a boot that found no host, and the instance's UUID."""
    compute = fleet.cloud.compute
    flavor = compute.create_flavor(**HUGE)
    body = {
        "name": "logs",
        "flavorRef": flavor.id,
        "imageRef": fleet.cloud.image.find_image("lab-linux", ignore_missing=False).id,
        "networks": "none",
    }
    try:
        answer = compute.post("/servers", json={"server": body}, microversion="2.90")
        assert answer.ok, answer.text
        instance = str(answer.json()["server"]["id"])
        until(lambda: fleet.state(instance) == "error", "no host was found", timeout=60)
        yield answer.headers["x-openstack-request-id"], instance
        fleet.delete(instance)
    finally:
        compute.delete_flavor(flavor)


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_a_failed_request_is_shown_through_all_services(stackmend: Stackmend, failed: tuple[str, str]) -> None:
    request, instance = failed
    ended = stackmend("logs", "--request", request, "-f", "json")
    assert ended.status == 0, ended.err
    records = lines(ended.out)
    times = [record["time"] for record in records]
    assert times == sorted(times)
    services = [record["service"] for record in records]
    assert {"nova-api-wsgi", "nova-conductor", "nova-scheduler"} <= set(services)
    assert services.index("nova-scheduler") < len(services) - services[::-1].index("nova-conductor")
    assert all(
        request in {record["request"], record["global_request"]} or request in record["text"] for record in records
    )
    trace = next(record for record in records if "Traceback" in record["text"])
    assert trace["text"].rstrip().splitlines()[-1].startswith("nova.exception")
    assert "Traceback (most recent call last):" in trace["text"].splitlines()
    of_it = lines(stackmend("logs", "--instance", instance, "--level", "warning", "-f", "json").out)
    assert {record["service"] for record in of_it} == {"nova-conductor"}


def test_errors_are_grouped(stackmend: Stackmend, failed: tuple[str, str]) -> None:
    request, _ = failed
    (group,) = lines(
        stackmend("logs", "--errors", "--request", request, "--service", "nova-conductor", "-f", "json").out
    )
    assert (group["count"], group["level"], group["nodes"]) == (1, "ERROR", ["ctl01"])
    assert request not in group["template"]


def test_new_records_of_many_nodes_are_followed(lab_env: dict[str, str], fleet: Fleet) -> None:
    mark = f"mark-{uuid.uuid4().hex}"
    command = [str(STACKMEND), "logs", "--follow", "--grep", mark, "-f", "json"]
    with subprocess.Popen(command, env=lab_env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as following:
        assert following.stderr is not None
        assert following.stdout is not None
        read: set[str] = set()
        while len(read) < len(("ctl01", "c01", "c02", "c03")):
            read.add(json.loads(following.stderr.readline())["remark"])
        assert read == {f"{node} is read" for node in ("ctl01", "c01", "c02", "c03")}
        assert fleet.cloud.compute.get(f"/servers?name={mark}").ok
        seen = json.loads(following.stdout.readline())
        following.send_signal(signal.SIGINT)
        assert following.wait(20) == 130
    assert seen["service"] in {"nova-api", "nova-api-wsgi"}
    assert mark in seen["text"]


def test_a_node_that_cannot_be_asked_is_named(stackmend: Stackmend, failed: tuple[str, str]) -> None:
    request, _ = failed
    with broken(stackmend, "network-cut", GONE):
        ended = stackmend("logs", "--request", request)
    assert ended.status == 0
    assert f"{GONE} was not read: " in ended.err
    assert "nova-conductor" in ended.out


def test_nothing_found_is_told_by_the_exit_status(stackmend: Stackmend) -> None:
    ended = stackmend("logs", "--request", f"req-{uuid.uuid4()}")
    assert (ended.status, ended.out) == (1, "")
    assert "nothing was found" in ended.err
    assert "4 nodes" in ended.err
