"""Lines as the lab's own services wrote them."""

import pytest

from stackmend.rules.logs_lines import begins, grave, parse, repeated, spellings, traced

NOVA = (
    "2026-11-24 13:17:10.591 964 INFO nova.api.openstack.requestlog [None req-c782e3e8-324e-46c5-8e38-59dfdb1f3548 "
    "714f015357ca4d799e93cea106dc9c5c cbb5e396310d4f6f88e27bb3aa1f443e - - default default] 10.213.76.1 "
    '"GET /v2.1/servers?status=BUILD&all_tenants=True" status: 200 len: 15 microversion: 2.100 time: 0.214630'
)
CINDER = (
    "2026-11-24 13:15:47.284 948 ERROR cinder.volume.api [req-1d8992fa-8e9b-4257-bed7-95635873a58b "
    "req-82ac6a0a-4f2a-4c36-bf0f-922bf3887951 714f015357ca4d799e93cea106dc9c5c cbb5e396310d4f6f88e27bb3aa1f443e - - "
    "default default] Unable to detach volume. Volume status must be 'in-use' and attach_status must be 'attached' to "
    "detach."
)
PLACEMENT = (
    "2026-11-24 13:17:01.395 960 INFO placement.requestlog [req-9a762d53-b20e-4044-8623-2cd5c165c117 "
    "req-ea10cc3a-8113-4198-ac2a-613304d901d6 571855997224413fbaa4ff145cb8a21c f4f85bcc608848089f9a73f76cecb5f4 - - "
    'default default] 10.213.76.22 "GET /resource_providers/b1a8340b-09ed-4edd-b64b-5de58f221728/traits" status: 200'
)
NEUTRON = (
    "2026-11-24 13:17:08.549 966 INFO neutron.notifiers.nova [-] Nova event matching "
    "['req-23d66370-b318-4197-ae50-c9203b9fdf63'] response: {'name': 'network-vif-plugged', 'code': 200}"
)
KEYSTONE = (
    "2026-11-24 13:17:11.478 952 WARNING keystone.common.password_hashing [None "
    "req-21f97b3e-8d7e-4a60-a0ea-d98141477b0d - - - - - -] Truncating password to algorithm specific maximum length 72 "
    "characters."
)
COMPUTE = (
    "2026-11-24 13:16:58.101 1115 INFO nova.compute.manager [None req-6eca6afc-6ca1-4aae-886a-0617d0493377 "
    "714f015357ca4d799e93cea106dc9c5c cbb5e396310d4f6f88e27bb3aa1f443e - - default default] "
    "[instance: 8459ed33-7766-4f71-8da1-726248cb178e] Took 6.22 seconds to build instance."
)
RABBIT_ERROR = "2026-11-24 13:08:02.274 963 ERROR oslo.messaging._drivers.impl_rabbit "
TRACE = RABBIT_ERROR + '  File "/usr/lib/python3/dist-packages/kombu/connection.py", line 556, in _ensured'
UWSGI = (
    "[pid: 964|app: 0|req: 698/1396] 10.213.76.1 () {34 vars in 760 bytes} [Tue Nov 24 13:17:10 2026] GET "
    "/v2.1/servers?status=BUILD&all_tenants=True => generated 15 bytes in 228 msecs (HTTP/1.1 200) 8 headers"
)


@pytest.mark.parametrize(
    ("line", "process", "level", "request_id", "made_for"),
    [
        (NOVA, 964, "INFO", "req-c782e3e8-324e-46c5-8e38-59dfdb1f3548", ""),
        (
            CINDER, 948, "ERROR", "req-82ac6a0a-4f2a-4c36-bf0f-922bf3887951",
            "req-1d8992fa-8e9b-4257-bed7-95635873a58b",
        ),
        (
            PLACEMENT, 960, "INFO", "req-ea10cc3a-8113-4198-ac2a-613304d901d6",
            "req-9a762d53-b20e-4044-8623-2cd5c165c117",
        ),
        (NEUTRON, 966, "INFO", "", ""),
        (KEYSTONE, 952, "WARNING", "req-21f97b3e-8d7e-4a60-a0ea-d98141477b0d", ""),
    ],
)  # fmt: skip
def test_a_record_of_oslo_log_tells_its_requests(
    line: str, process: int, level: str, request_id: str, made_for: str
) -> None:
    found = parse(line)
    assert found is not None
    assert (found.process, found.level, found.request, found.global_request) == (process, level, request_id, made_for)
    assert found.context
    assert not found.traceback
    assert not found.message.startswith("[")


def test_a_record_tells_its_time_and_its_instance() -> None:
    found = parse(COMPUTE)
    assert found is not None
    assert (found.second, found.fraction, found.zone) == ("2026-11-24 13:16:58", 0.101, "")
    assert (found.instance, found.logger) == ("8459ed33-7766-4f71-8da1-726248cb178e", "nova.compute.manager")
    assert found.message == "Took 6.22 seconds to build instance."


def test_a_traceback_follows_the_record_of_its_process_time_and_logger() -> None:
    head = parse(RABBIT_ERROR + "[-] [e28a37d8] AMQP server is unreachable: timed out")
    line = parse(TRACE)
    assert head is not None
    assert line is not None
    assert line.traceback
    assert line.follows(head)
    assert not line.follows(head._replace(process=964))
    assert not line.follows(head._replace(fraction=0.275))
    assert line.message == '  File "/usr/lib/python3/dist-packages/kombu/connection.py", line 556, in _ensured'


def test_what_a_traceback_repeats_is_told_from_the_next_record() -> None:
    first = RABBIT_ERROR + "[-] [e28a37d8] AMQP server is unreachable: timed out"
    head = parse(first)
    assert head is not None
    prefix = repeated(head, first)
    assert TRACE.startswith(prefix)
    assert traced("Traceback (most recent call last):") == "Traceback (most recent call last):"
    assert traced("[instance: 8459ed33-7766-4f71-8da1-726248cb178e]     raise exc") == "    raise exc"
    assert traced("[-] the next record of the same millisecond") is None


def test_a_warning_with_a_traceback_has_it_at_level_error() -> None:
    first = NOVA.replace(" INFO ", " WARNING ")
    head = parse(first)
    assert head is not None
    prefix = repeated(head, first)
    assert prefix == "2026-11-24 13:17:10.591 964 ERROR nova.api.openstack.requestlog "


@pytest.mark.parametrize(
    ("line", "second", "zone", "level", "message"),
    [
        (UWSGI, "2026-11-24 13:17:10", "", "INFO", "GET /v2.1/servers"),
        (
            "2026-11-24 13:14:39.137959+00:00 [info] <0.1737.0> connection 10.213.76.21:42188 -> 10.213.76.10:5672",
            "2026-11-24 13:14:39", "+00:00", "INFO", "connection 10.213",
        ),
        (
            "2026-11-24T13:03:21.274Z|00004|reconnect|INFO|unix:/var/run/openvswitch/db.sock: connecting...",
            "2026-11-24 13:03:21", "Z", "INFO", "unix:/var/run",
        ),
        (
            "2026-11-24T13:17:25.754+0000 7f874cb426c0  0 log_channel(cluster) log [DBG] : mgrmap e183",
            "2026-11-24 13:17:25", "+0000", "INFO", "log_channel",
        ),
        (
            "2026-11-24T13:23:41.318+0000 7f1b2b8c8880 -1 osd.0 9 waiting for initial osdmap",
            "2026-11-24 13:23:41", "+0000", "ERROR", "osd.0 9 waiting",
        ),
        (
            "2026-11-24 13:25:38.153+0000: 168: error : virNetSocketReadWire:1782 : End of file while reading data",
            "2026-11-24 13:25:38", "+0000", "ERROR", "virNetSocketReadWire",
        ),
        ("2026-11-24 12:00:01 7 [Warning] Aborted connection 7", "2026-11-24 12:00:01", "", "WARNING", "Aborted"),
        (
            '10.213.76.1 - - [24/Nov/2026:13:16:47 +0000] "GET /v3 HTTP/1.1" 200 1137',
            "2026-11-24 13:16:47", "+0000", "INFO", '"GET /v3',
        ),
        (
            "[Tue Nov 24 13:16:47.123456 2026] [wsgi:error] [pid 12:tid 34] [remote 10.0.0.1:5] a thing",
            "2026-11-24 13:16:47", "", "ERROR", "a thing",
        ),
    ],
)  # fmt: skip
def test_other_logs_tell_time_and_level(line: str, second: str, zone: str, level: str, message: str) -> None:
    found = parse(line)
    assert found is not None
    assert (found.second, found.zone, found.level) == (second, zone, level)
    assert found.message.startswith(message)
    assert begins(line)


@pytest.mark.parametrize(
    "line",
    [
        "The only non-default choice, ``noauth2``, is for internal development and",
        ").  Its value may be silently ignored in the future.",
        "  warnings.warn('Policy enforcement is depending on the value of '",
        "0: [v2:10.213.76.10:3300/0,v1:10.213.76.10:6789/0] mon.noname-a",
        "",
        "*** Starting uWSGI 2.0.28-debian (64bit) on [Tue Nov 24 11:26:23 2026] ***",
    ],
)
def test_a_plain_line_begins_no_record(line: str) -> None:
    assert parse(line) is None
    assert not begins(line)


def test_apache_wraps_records_of_oslo_log() -> None:
    found = parse("[Tue Nov 24 13:16:47.123456 2026] [wsgi:error] [pid 12:tid 34] " + CINDER)
    assert found is not None
    assert (found.oslo, found.logger) == (True, "cinder.volume.api")


def test_levels_are_in_order_and_their_spellings_are_in_the_lines() -> None:
    assert grave("ERROR", "WARNING")
    assert not grave("INFO", "WARNING")
    assert not grave("", "DEBUG")
    assert grave("", "")
    assert any(spelling in CINDER for spelling in spellings("ERROR", oslo=True))
    assert any(spelling in KEYSTONE for spelling in spellings("WARNING"))
    assert not any(spelling in KEYSTONE for spelling in spellings("ERROR"))
    assert spellings("INFO") == []
