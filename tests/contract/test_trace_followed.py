"""A command's requests followed over real SSH into logs that a real API writes: by its own word, and by address."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from api import Api, Asked, answering
from sshd import Sshd

CAUSE = "PermissionError: [Errno 13] Permission denied: '/var/lib/nova/instances/web-1'"
GRACE = 1.5
"""Seconds that pass between an answer and the failure of what it began."""


class Cloud:
    """The logs of a node that has nova-api and nova-compute; what POST asks for fails after its answer."""

    def __init__(self, top: Path) -> None:
        (top / "nova").mkdir(parents=True)
        self._top = top
        self.asked: list[Asked] = []

    def note(self, asked: Asked) -> None:
        """Write what nova-api writes of a request."""
        self.asked.append(asked)
        said = f'127.0.0.1 "{asked.method} {asked.path}" status: {asked.status} len: 2 microversion: 2.1 time: 0.1'
        self._write("nova-api-wsgi", "INFO", "nova.api.openstack.requestlog", self._context(asked) + said)
        if asked.method == "POST":
            threading.Timer(GRACE, self._fail, [asked]).start()

    def _context(self, asked: Asked) -> str:
        return f"[{asked.sent or 'None'} {asked.request} admin admin - - default default] "

    def _fail(self, asked: Asked) -> None:
        first = self._context(asked) + f"Instance failed to spawn: {CAUSE}"
        trace = "Traceback (most recent call last):", '  File "nova/virt/libvirt/driver.py", line 5187, in x', CAUSE
        self._write("nova-compute", "ERROR", "nova.compute.manager", first, *trace)

    def _write(self, service: str, level: str, logger: str, *lines: str) -> None:
        now = time.time()
        stamp = datetime.fromtimestamp(now).astimezone().strftime("%Y-%m-%d %H:%M:%S") + f".{int(now % 1 * 1000):03d}"
        text = "".join(f"{stamp} 7 {level} {logger} {line}\n" for line in lines)
        with (self._top / f"nova/{service}.log").open("a") as file:
            file.write(text)


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(tmp_path / "log")


@pytest.fixture
def api(cloud: Cloud) -> Iterator[Api]:
    with answering({"GET": 200, "POST": 202}, cloud.note) as server:
        yield server


@pytest.fixture
def env(cloud: Cloud, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a stackmend that knows the node."""
    assert cloud
    (tmp_path / "ssh").mkdir()
    sshd = Sshd(tmp_path / "ssh", logs=tmp_path / "log")
    access = {"port": sshd.port, "key": str(tmp_path / "ssh/key"), "known_hosts": str(tmp_path / "ssh/known_hosts")}
    node = {"address": "127.0.0.1", "roles": ["controller"], "ssh": {"user": "me", **access}}
    path = tmp_path / "inventory.yaml"
    path.write_text(json.dumps({"cloud": "here", "nodes": {"ctl01": node}}))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    yield {**kept, "STACKMEND_INVENTORY": str(path), "STACKMEND_STATE": str(tmp_path / "state")}
    sshd.stop()


def trace(env: dict[str, str], *words: str) -> tuple[int, Any]:
    code = "from stackmend.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "trace", "-f", "json", "-o", "-", *words],
        env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout)


def test_what_fails_after_the_answer_is_found_and_another_clients_request_is_said(
    env: dict[str, str], api: Api, cloud: Cloud
) -> None:
    both = 'curl -s -o /dev/null "$1"; "$2" -c "import requests; requests.post(\'$1\')"'
    status, answer = trace(env, "--strict", "--", "sh", "-c", both, "sh", f"{api.url}/v2.1/servers", sys.executable)
    by_curl, by_python = cloud.asked
    found = answer["conclusion"]
    assert (status, answer["command"]["status"], answer["way"]) == (1, 0, "told")
    assert (found["service"], found["node"], found["cause"]["request"]) == ("nova-compute", "ctl01", by_python.request)
    assert found["sentence"].startswith(f"It went wrong in nova-compute on ctl01: {CAUSE}")
    assert found["sentence"].endswith("The command had ended before that, with 0.")
    assert [call["request"] for call in answer["calls"]] == [by_python.request]
    assert {hop["service"]: hop["requests"] for hop in answer["hops"]} == {
        "nova-api-wsgi": [by_python.request],
        "nova-compute": [by_python.request],
    }
    assert any(by_curl.request in sentence for sentence in answer["remarks"])


def test_a_client_that_tells_nothing_is_followed_by_address(env: dict[str, str], api: Api, cloud: Cloud) -> None:
    status, answer = trace(env, "--", "curl", "-s", "-o", "/dev/null", f"{api.url}/v2.1/servers?limit=1")
    (asked,) = cloud.asked
    assert (status, answer["way"], answer["conclusion"]["wrong"]) == (0, "address", False)
    assert asked.sent == ""
    assert [(call["method"], call["url"], call["request"]) for call in answer["calls"]] == [
        ("GET", "/v2.1/servers", asked.request)
    ]
    assert [(hop["service"], hop["node"]) for hop in answer["hops"]] == [("nova-api-wsgi", "ctl01")]


def test_a_proxys_address_is_looked_for_where_it_is_named(env: dict[str, str], api: Api, cloud: Cloud) -> None:
    status, answer = trace(env, "--address", "10.9.9.9", "--", "curl", "-s", "-o", "/dev/null", f"{api.url}/")
    assert (status, len(cloud.asked), answer["way"]) == (0, 1, "none")
    assert "10.9.9.9" in answer["remarks"][0]
