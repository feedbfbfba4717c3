"""Calls by the URLs, and by the services' own notes of them as the lab's services wrote them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from stackmend.domain.log_record import LogRecord
from stackmend.domain.trace import Call, Way
from stackmend.domain.values import NodeName
from stackmend.rules.logs_lines import parse
from stackmend.rules.trace_calls import changes, noted, project
from stackmend.rules.trace_remarks import beside, shown, unlearnt

START = datetime(2026, 11, 24, 13, 17, tzinfo=UTC)
HERE = "10.213.76.1"
OWN, OTHER = "req-1d8992fa-8e9b-4257-bed7-95635873a58b", "req-9a762d53-b20e-4044-8623-2cd5c165c117"
NOVA_ID, GLANCE_ID, KEYSTONE_ID = (f"req-{n}782e3e8-324e-46c5-8e38-59dfdb1f3548" for n in "cde")
USER = "714f015357ca4d799e93cea106dc9c5c cbb5e396310d4f6f88e27bb3aa1f443e - - default default"

NOVA = (
    f"2026-11-24 13:17:10.591 964 INFO nova.api.openstack.requestlog [None {NOVA_ID} {USER}] {HERE} "
    '"GET /v2.1/servers?status=BUILD&all_tenants=True" status: 200 len: 15 microversion: 2.100 time: 0.214630'
)
UWSGI = (
    f"[pid: 964|app: 0|req: 698/1396] {HERE} () {{34 vars in 760 bytes}} [Tue Nov 24 13:17:10 2026] GET "
    "/v2.1/servers?status=BUILD&all_tenants=True => generated 15 bytes in 228 msecs (HTTP/1.1 200) 8 headers"
)
TOKEN = (
    f"[pid: 952|app: 0|req: 12/24] {HERE} () {{34 vars in 760 bytes}} [Tue Nov 24 13:17:09 2026] POST "
    "/v3/auth/tokens => generated 3015 bytes in 228 msecs (HTTP/1.1 201) 8 headers"
)
PLACEMENT = (
    f"2026-11-24 13:17:11.395 960 INFO placement.requestlog [{OTHER} {GLANCE_ID} {USER}] {HERE} "
    '"GET /resource_providers/b1a8340b-09ed-4edd-b64b-5de58f221728/traits" status: 200 len: 5 microversion: 1.6'
)
GLANCE = (
    f"2026-11-24 13:17:12.395 961 INFO eventlet.wsgi.server [{OWN} {GLANCE_ID} {USER}] {HERE} - - "
    '[24/Nov/2026 13:17:12] "GET /v2/images?limit=20 HTTP/1.1" 200 1137 0.053114'
)
NEUTRON = (
    f"2026-11-24 13:17:12.395 962 INFO neutron.wsgi [None {GLANCE_ID} {USER}] {HERE},10.213.76.9 "
    '"DELETE /v2.0/ports/4f HTTP/1.1" status: 204  len: 168 time: 0.1234560'
)
KEYSTONE = (
    f"2026-11-24 13:17:11.478 952 WARNING keystone.server.flask.application [None {KEYSTONE_ID} - - - - - -] "
    f"Authorization failed. The request you have made requires authentication. from {HERE}"
)
NEIGHBOUR = NOVA.replace(HERE, HERE + "0")


def records(*lines: tuple[str, str]) -> list[LogRecord]:
    return [_record(service, line, second) for second, (service, line) in enumerate(lines)]


def _record(service: str, line: str, second: float) -> LogRecord:
    said = parse(line)
    assert said is not None
    return LogRecord(
        START + timedelta(seconds=second), NodeName("ctl01"), service, said.level, said.logger, said.process,
        said.request, said.global_request, said.instance, said.message, "f",
    )  # fmt: skip


def seen(*lines: tuple[str, str]) -> list[tuple[str, str, int, str, str]]:
    found = noted(records(*lines), [HERE, "10.0.0.7"], OWN)
    return [(call.method, call.url, call.status, call.request, call.service) for call in found]


def test_what_a_service_noted_of_a_machine_is_a_call_of_it() -> None:
    assert seen(("nova-api-wsgi", NOVA)) == [("GET", "/v2.1/servers", 200, NOVA_ID, "nova")]
    assert seen(("glance-api", GLANCE)) == [("GET", "/v2/images", 200, GLANCE_ID, "glance")]
    assert seen(("neutron-server", NEUTRON)) == [("DELETE", "/v2.0/ports/4f", 204, GLANCE_ID, "neutron")]
    assert seen(("keystone", KEYSTONE)) == [("", "", 0, KEYSTONE_ID, "keystone")]


def test_what_uwsgi_noted_stands_where_the_service_noted_nothing() -> None:
    lines = ("nova-api", NOVA), ("nova-api-wsgi", UWSGI), ("keystone", TOKEN)
    assert [(call[1], call[3]) for call in seen(*lines)] == [("/v2.1/servers", NOVA_ID), ("/v3/auth/tokens", "")]


def test_calls_of_other_machines_and_calls_that_a_service_made_for_others_are_left_out() -> None:
    assert seen(("nova-api", NEIGHBOUR), ("placement-api", PLACEMENT)) == []


@pytest.mark.parametrize(
    ("url", "answers"),
    [
        ("http://ctl01:5000/v3/auth/tokens", "keystone"),
        ("https://cloud.example/identity/v3", "keystone"),
        ("https://cloud.example/compute/v2.1/servers", "nova"),
        ("http://10.0.0.10:9696/networking/v2.0", "neutron"),
        ("http://10.0.0.10:8776/v3/abc/volumes", "cinder"),
        ("https://cloud.example:13000/v3", "cloud.example:13000"),
    ],
)
def test_the_project_at_a_url_is_known_by_its_port_or_path(url: str, answers: str) -> None:
    assert project(url) == answers


@pytest.mark.parametrize(
    ("method", "url", "status", "goes_on"),
    [
        ("POST", "http://n:8774/v2.1/servers", 202, True),
        ("DELETE", "http://n:8774/v2.1/servers/1", 204, True),
        ("GET", "http://n:8774/v2.1/servers", 200, False),
        ("POST", "http://n:5000/v3/auth/tokens", 201, False),
        ("POST", "http://n:8774/v2.1/servers", 409, False),
    ],
)
def test_work_may_go_on_after_what_changes_something(method: str, url: str, status: int, goes_on: bool) -> None:  # noqa: FBT001
    assert changes(Call(START, method, url, status, NOVA_ID, "nova")) == goes_on


def test_what_was_not_learnt_is_said() -> None:
    known, unknown = Call(START, "GET", "/v2.1", 200, NOVA_ID, "nova"), Call(START, "GET", "/v3", 200, "", "keystone")
    assert unlearnt(Way.TOLD, [known, unknown], [HERE], 1) == []  # the id that was sent is enough
    (by_address, without) = unlearnt(Way.ADDRESS, [known, unknown], [HERE], 0)
    assert HERE in by_address
    assert without == "1 of 2 calls have no request id and are not followed, such as GET /v3."
    (nothing,) = unlearnt(Way.NONE, [], [HERE], 0)
    assert "ran no Python program" in nothing
    assert "told no request" in unlearnt(Way.NONE, [], [HERE], 1)[0]
    assert beside([]) == []
    assert "2 more requests" in beside([OWN, OTHER])[0]


def test_secrets_of_a_command_line_are_not_shown() -> None:
    words = ("openstack", "--os-password", "hunter2", "--os-token=sesame", "user", "set", "--password-prompt", "me")
    assert shown(words) == (
        "openstack", "--os-password", "****", "--os-token=****", "user", "set", "--password-prompt", "me",
    )  # fmt: skip
    assert shown(("curl", "-H", "X-Auth-Token: gAAAAABbcdefghijklmnopqrstuvw", "--token", "--insecure")) == (
        "curl", "-H", "X-Auth-Token: ****", "--token", "--insecure",
    )  # fmt: skip
