"""The module that Python starts in the programs of a traced command: against real HTTP, by the clients there are."""

from __future__ import annotations

import ast
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from api import Api, Asked, answering

from stackmend.facts.trace_listening import MODULE, SAID, Listener, listening

OWN = "req-99999999-2222-4333-8444-555555555555"
SECRETS = ("gAAAAAtoken", "hunter2", "sesame")

KEYSTONEAUTH = """
from keystoneauth1 import adapter, session, token_endpoint
auth = token_endpoint.Token(URL, "gAAAAAtoken")
compute = adapter.Adapter(session.Session(auth=auth), service_type="compute")
compute.get("/v2.1/servers", params={"password": "hunter2"})
compute.post("/v2.1/servers", json={"adminPass": "hunter2"}, raise_exc=False)
"""
REQUESTS = """
import requests
requests.get(URL + "/v2.1/servers?password=hunter2", headers={"X-Auth-Token": "gAAAAAtoken"}, auth=("u", "sesame"))
requests.post(URL + "/v2.1/servers", json={"adminPass": "hunter2"})
"""
URLLIB = """
import urllib.request, urllib.error
urllib.request.urlopen(URL + "/v2.1/servers?password=hunter2").read()
try:
    urllib.request.urlopen(URL + "/v2.1/servers", b"hunter2")
except urllib.error.HTTPError as error:
    error.close()
"""


@pytest.fixture
def asked() -> list[Asked]:
    return []


@pytest.fixture
def api(asked: list[Asked]) -> Iterator[Api]:
    with answering({"GET": 200, "POST": 503}, asked.append) as server:
        yield server


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as made:
        yield made


def run(listener: Listener, program: str, *options: str, **extra: str) -> subprocess.CompletedProcess[str]:
    environment = listener.environment({"PATH": os.environ["PATH"], **extra})
    return subprocess.run(
        [sys.executable, *options, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("program", [KEYSTONEAUTH, REQUESTS, URLLIB], ids=["keystoneauth", "requests", "urllib"])
def test_a_client_tells_its_requests_and_sends_our_id_and_no_secret_is_told(
    listener: Listener, api: Api, asked: list[Asked], program: str
) -> None:
    done = run(listener, f"URL = {api.url!r}\n" + program)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    told = listener.told()
    assert [(call.method, call.url, call.status, call.request, call.error) for call in told.calls] == [
        ("GET", f"{api.url}/v2.1/servers", 200, asked[0].request, ""),
        ("POST", f"{api.url}/v2.1/servers", 503, asked[1].request, ""),
    ]
    assert (told.programs, told.sent) == (1, (listener.request,))
    assert {each.sent for each in asked} == {listener.request}
    said = (listener.folder / SAID).read_text()
    assert not [secret for secret in SECRETS if secret in said]
    fields = {"time", "seconds", "method", "url", "status", "request", "sent", "error", "pid"}
    assert {frozenset(json.loads(line)) for line in said.splitlines()[1:]} == {frozenset(fields)}


def test_a_request_id_of_the_clients_own_is_left_and_told(listener: Listener, api: Api, asked: list[Asked]) -> None:
    program = f"import requests\nrequests.get({api.url!r} + '/', headers={{'X-Openstack-Request-Id': {OWN!r}}})\n"
    assert run(listener, program).returncode == 0
    assert ([each.sent for each in asked], listener.told().sent) == ([OWN], (OWN,))


def test_tokens_in_a_path_and_passwords_in_a_url_are_not_told(listener: Listener, api: Api) -> None:
    long = "x" * 70
    program = (
        f"import requests\nfor path in ('/v2.0/tokens/sesame', '/a/{long}'):\n    requests.get({api.url!r} + path)\n"
    )
    assert run(listener, program).returncode == 0
    assert [call.url for call in listener.told().calls] == [f"{api.url}/v2.0/tokens/****", f"{api.url}/a/****"]
    port = api.server_address[1]
    by_proxy = run(
        listener,
        "import requests\nrequests.get('http://u:sesame@cloud:8774/v2.1')",
        http_proxy=f"http://127.0.0.1:{port}",
    )
    assert by_proxy.returncode == 0, by_proxy.stderr
    last = listener.told().calls[-1]
    assert (last.url, last.service) == ("http://cloud:8774/v2.1", "nova")


def test_what_does_not_answer_is_told_and_fails_as_ever(listener: Listener) -> None:
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v3"
        done = run(listener, f"import requests\nrequests.get({url!r})\n")
    assert done.returncode == 1
    assert "requests.exceptions.ConnectionError" in done.stderr
    (call,) = listener.told().calls
    assert (call.url, call.status, bool(call.error)) == (url, 0, True)


def test_a_site_of_the_machines_own_is_run_and_the_path_is_as_it_was(listener: Listener, tmp_path: Path) -> None:
    (tmp_path / MODULE).write_text("print('mine')\n")
    (tmp_path / "beside.py").write_text("print('beside')\n")
    program = "import beside, sitecustomize, sys; print(sitecustomize.__file__, 'http' in sys.modules, sys.path[1])"
    done = run(listener, program, PYTHONPATH=str(tmp_path))
    assert done.stdout.splitlines() == ["mine", "beside", f"{tmp_path / MODULE} False {tmp_path}"]
    assert done.stderr == ""


def test_a_program_is_not_disturbed_where_nothing_can_be_told(listener: Listener, api: Api) -> None:
    (listener.folder / SAID).unlink()
    done = run(listener, f"import requests\nprint(requests.get({api.url!r}).status_code)\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "200\n", "")
    (listener.folder / SAID).touch()
    assert run(listener, "print('alone')", "-I").stdout == "alone\n"
    assert listener.told().programs == 0
    (listener.folder / MODULE).unlink()
    assert run(listener, "print('alone')").stdout == "alone\n"


def test_requests_of_several_programs_and_threads_are_whole_lines(listener: Listener, api: Api) -> None:
    program = (
        "import threading, requests\n"
        f"ts = [threading.Thread(target=requests.get, args=({api.url!r} + '/' + str(n),)) for n in range(20)]\n"
        "[t.start() for t in ts]\n[t.join() for t in ts]\n"
    )
    shell = '"$1" -c "$2" & "$1" -c "$2"; wait'
    subprocess.run(
        ["sh", "-c", shell, "sh", sys.executable, program],
        env=listener.environment({"PATH": os.environ["PATH"]}),
        check=True,
        timeout=30,
    )
    told = listener.told()
    assert (told.programs, len(told.calls)) == (2, 40)


def test_the_module_is_of_an_old_python() -> None:
    text = (resources.files("stackmend.facts") / "files" / MODULE).read_text()
    tree = ast.parse(text, feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {"os", "sys", "json", "time"}
