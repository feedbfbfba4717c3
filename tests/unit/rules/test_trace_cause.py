"""Causes and echoes, by records as nova, neutron and oslo.messaging write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stackmend.domain.log_record import LogRecord
from stackmend.domain.trace import Call, Conclusion, Ended
from stackmend.domain.values import NodeName
from stackmend.rules.trace_conclusion import conclusion
from stackmend.rules.trace_errors import headline, raised, raised_by
from stackmend.rules.trace_hops import hops

START = datetime(2026, 11, 24, 14, tzinfo=UTC)
GLOBAL, NOVA, NEUTRON = (f"req-{n}0000000-1111-4222-8333-444444444444" for n in "123")
INSTANCE, PORT = "8459ed33-7766-4f71-8da1-726248cb178e", "0d0f2b1a-5a5c-4d32-9d7b-7a4e6f0a1b2c"
LIB = "/usr/lib/python3/dist-packages"

DENIED = f"PermissionError: [Errno 13] Permission denied: '/var/lib/nova/instances/{INSTANCE}'"
SPAWN = f"""Instance failed to spawn: {DENIED}
Traceback (most recent call last):
  File "{LIB}/nova/compute/manager.py", line 2901, in _build_resources
    yield resources
  File "{LIB}/nova/virt/libvirt/driver.py", line 5187, in _create_image
    fileutils.ensure_tree(libvirt_utils.get_instance_path(instance))
{DENIED}
"""
BUILD = SPAWN.replace("Instance failed to spawn", "Failed to build and run instance")
LAST_HOST = (
    "Error from last host: c02 (node c02): ['Traceback (most recent call last):\\n', '  File "
    f'"{LIB}/nova/compute/manager.py", line 2650, in _build_and_run_instance\\n\', "{DENIED}\\n", '
    f"'nova.exception.RescheduledException: Build of instance {INSTANCE} was re-scheduled: [Errno 13]\\n']"
)
EXHAUSTED = (
    "Failed to compute_task_build_instances: Exceeded maximum number of retries. Exhausted all hosts available for "
    f"retrying build failures for instance {INSTANCE}."
)
NO_HOST = f"""Failed to schedule instances: nova.exception_Remote.NoValidHost_Remote: No valid host was found.
Traceback (most recent call last):

  File "{LIB}/oslo_messaging/rpc/server.py", line 244, in inner
    return func(*args, **kwargs)

  File "{LIB}/nova/scheduler/manager.py", line 250, in select_destinations
    raise exception.NoValidHost(reason="")

nova.exception.NoValidHost: No valid host was found.
Traceback (most recent call last):
  File "{LIB}/nova/conductor/manager.py", line 1666, in schedule_and_build_instances
    host_lists = self._schedule_instances(context, request_specs[0],
nova.exception_Remote.NoValidHost_Remote: No valid host was found.
"""
NO_CANDIDATE = "Got no allocation candidates from the Placement API."
UNBOUND = f"Failed to bind port {PORT} on host c02 for vnic_type normal using segments [{{'network_type': 'geneve'}}]"
BINDING = f"""Instance failed to spawn: nova.exception.PortBindingFailed: Binding failed for port {PORT}, please check \
neutron logs for more information.
Traceback (most recent call last):
  File "{LIB}/nova/network/neutron.py", line 610, in _update_port
    raise exception.PortBindingFailed(port_id=port_id)
nova.exception.PortBindingFailed: Binding failed for port {PORT}, please check neutron logs for more information.
"""
LIBVIRT = f"""Exception during message handling: libvirt.libvirtError: Failed to connect socket to \
'/var/run/libvirt/libvirt-sock': Connection refused
Traceback (most recent call last):
  File "{LIB}/nova/virt/libvirt/host.py", line 581, in get_connection
    conn = self._get_connection()
libvirt.libvirtError: Failed to connect socket to '/var/run/libvirt/libvirt-sock': Connection refused

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "{LIB}/nova/compute/manager.py", line 3390, in start_instance
    self._power_on(context, instance)
nova.exception.HypervisorUnavailable: Connection to the hypervisor is broken on host
"""
QEMU_IMG = f"""Instance failed to spawn
Traceback (most recent call last):
  File "{LIB}/nova/privsep/qemu.py", line 240, in unprivileged_qemu_img_info
    out, err = processutils.execute(*cmd)
oslo_concurrency.processutils.ProcessExecutionError: Unexpected error while running command.
Command: env LC_ALL=C LANG=C qemu-img info /var/lib/nova/instances/_base/aa --output=json
Exit code: 127
Stdout: ''
Stderr: "env: 'qemu-img': No such file"

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "{LIB}/nova/virt/images.py", line 60, in qemu_img_info
    raise exception.InvalidDiskInfo(reason=msg)
nova.exception.InvalidDiskInfo: Disk info file is invalid: qemu-img failed to execute
"""
HANDLED = """Oops
Traceback (most recent call last):
  File x
KeyError: 'a'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File y
ValueError: b
"""
TIMEOUT = f"""Unexpected exception in API method: oslo_messaging.exceptions.MessagingTimeout: Timed out waiting for a \
reply to message ID 3f1c
Traceback (most recent call last):
  File "{LIB}/nova/api/openstack/wsgi.py", line 658, in wrapped
    return f(*args, **kwargs)
oslo_messaging.exceptions.MessagingTimeout: Timed out waiting for a reply to message ID 3f1c
"""


def record(second: float, service: str, text: str, *, level: str = "ERROR", node: str = "ctl01") -> LogRecord:
    request = NEUTRON if service.startswith("neutron") else NOVA
    time = START + timedelta(seconds=second)
    return LogRecord(time, NodeName(node), service, level, "x.y", 7, request, GLOBAL, "", text, "f")


def info(second: float, service: str, text: str, *, node: str = "ctl01") -> LogRecord:
    return record(second, service, text, level="INFO", node=node)


def command(status: int = 0) -> Ended:
    return Ended(("openstack", "server", "list"), status, START, START + timedelta(seconds=9))


def call(status: int, *, second: float = 0, request: str = NOVA, error: str = "", method: str = "GET") -> Call:
    url = "http://ctl01:8774/v2.1/servers"
    return Call(START + timedelta(seconds=second), method, url, status, request, "nova", error)


def judged(records: Sequence[LogRecord], *calls: Call, status: int = 0) -> Conclusion:
    return conclusion(command(status), calls, records, hops(records))


FAILED_BOOT = [
    info(0, "nova-api-wsgi", '10.0.0.1 "POST /v2.1/servers" status: 202 len: 400'),
    info(1, "nova-compute", "Claim successful on node c02", node="c02"),
    record(2, "nova-compute", SPAWN, node="c02"),
    record(2.5, "nova-compute", BUILD, node="c02"),
    record(3, "nova-conductor", LAST_HOST),
    record(3.1, "nova-conductor", EXHAUSTED, level="WARNING"),
]


def test_a_boot_that_failed_on_its_node_is_that_nodes_and_not_the_conductors() -> None:
    found = judged(FAILED_BOOT, call(202, method="POST"), status=1)
    assert (found.wrong, found.service, found.node) == (True, "nova-compute", "c02")
    assert found.sentence == f"It went wrong in nova-compute on c02: {DENIED} ({NOVA})."
    assert [link.place for link in found.chain] == ["nova-compute on c02", "nova-conductor on ctl01", "the command"]
    assert [each.time for each in found.evidence] == [FAILED_BOOT[1].time, FAILED_BOOT[2].time]


@pytest.mark.parametrize("behind", [0.2, 0.9])
def test_a_node_whose_clock_is_a_little_behind_is_still_the_cause(behind: float) -> None:
    late = [replace(r, time=r.time + timedelta(seconds=1 + behind)) if r.node == "c02" else r for r in FAILED_BOOT]
    found = judged(sorted(late, key=lambda each: each.time))
    assert (found.service, found.node) == ("nova-compute", "c02")


def test_what_another_process_raised_and_did_not_write_is_told_by_its_last_record() -> None:
    records = [
        info(0, "nova-scheduler", "Starting to schedule"),
        info(1, "nova-scheduler", NO_CANDIDATE),
        record(2, "nova-conductor", NO_HOST),
        record(2.1, "nova-conductor", "Failed to compute_task_x: No valid host was found.", level="WARNING"),
    ]
    found = judged(records)
    assert (found.service, found.node) == ("nova-scheduler", "ctl01")
    assert found.sentence.startswith("It went wrong in nova-scheduler on ctl01: NoValidHost: No valid host was found.")
    assert "nova-conductor on ctl01 tells of it" in found.sentence
    assert [link.text for link in found.chain[:2]] == [NO_CANDIDATE, "NoValidHost: No valid host was found."]
    assert NO_CANDIDATE in [each.text for each in found.evidence]


def test_a_process_that_raised_and_left_no_record_is_named_without_a_node() -> None:
    found = judged([record(2, "nova-conductor", NO_HOST)])
    assert (found.service, found.node) == ("nova-scheduler", "")
    assert raised_by(record(2, "nova-conductor", NO_HOST)) == "nova-scheduler"


def test_an_earlier_error_of_another_project_is_what_it_came_from() -> None:
    records = [
        record(1, "neutron-server", UNBOUND),
        record(2, "nova-compute", BINDING, node="c02"),
        record(3, "nova-conductor", LAST_HOST.replace(DENIED, raised(record(0, "n", BINDING))[0].message)),
    ]
    found = judged(records)
    assert (found.service, found.cause) == ("neutron-server", records[0])
    assert [link.place.split()[0] for link in found.chain] == [
        "neutron-server",
        "nova-compute",
        "nova-conductor",
        "the",
    ]


def test_an_error_of_the_same_hop_with_an_exception_says_more_than_one_without() -> None:
    records = [
        record(1, "nova-compute", "Error defining a guest with XML: <domain/>"),
        record(2, "nova-compute", SPAWN),
    ]
    assert judged(records).cause == records[1]


def test_errors_of_one_time_that_say_the_same_do_not_explain_each_other_away() -> None:
    records = [record(2, "nova-compute", SPAWN), record(2, "nova-compute", BUILD)]
    assert judged(records).cause == records[0]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (LIBVIRT, "libvirtError: Failed to connect socket to '/var/run/libvirt/libvirt-sock': Connection refused"),
        (
            QEMU_IMG,
            "ProcessExecutionError: Unexpected error while running command. Stderr: \"env: 'qemu-img': No such file\"",
        ),
        ("Build of instance aborted: no image", "Build of instance aborted: no image"),
        (HANDLED, "ValueError: b"),
    ],
)
def test_the_exception_that_began_it_is_told(text: str, line: str) -> None:
    assert headline(record(0, "nova-compute", text)) == line


def test_what_went_wrong_after_the_command_is_said_to_have() -> None:
    found = judged([record(11, "nova-compute", SPAWN, node="c02")], call(202, method="POST"))
    assert found.sentence.endswith(" The command had ended before that, with 0.")
    assert [link.place for link in found.chain] == ["nova-compute on c02"]


def test_one_that_waited_in_vain_is_said_to_have() -> None:
    found = judged([record(6, "nova-api-wsgi", TIMEOUT)], call(500), status=1)
    assert (found.service, "waited in vain" in found.sentence) == ("nova-api-wsgi", True)
    assert found.chain[-2].text == f"GET http://ctl01:8774/v2.1/servers was answered with 500 ({NOVA})"


def test_a_call_that_was_refused_without_an_error_is_the_apis() -> None:
    refusal = info(0, "nova-api-wsgi", "HTTP exception thrown: Instance could not be found.")
    found = judged([refusal], call(200), call(404), status=1)
    assert (found.service, found.node, found.evidence) == ("nova-api-wsgi", "ctl01", (refusal,))
    assert found.sentence.startswith("nova-api-wsgi on ctl01 refused: GET http://ctl01:8774/v2.1/servers was answered")
    assert not judged([refusal], call(404), call(200)).wrong  # clients look a name up so
    assert judged([], call(503, request="")).sentence.endswith("a proxy before the service.")


def test_what_does_not_answer_is_the_cause_unless_an_error_came_before() -> None:
    gone = call(0, second=5, request="", error="NewConnectionError")
    assert judged([], call(200), gone, status=1).sentence == (
        "nova did not answer: GET http://ctl01:8774/v2.1/servers ended with NewConnectionError."
    )
    assert judged([record(2, "nova-compute", SPAWN, node="c02")], gone, status=1).service == "nova-compute"
    assert not judged([], gone, call(200, second=6)).wrong


def test_nothing_wrong_and_nothing_known_are_told_apart() -> None:
    records = [info(0, "nova-api-wsgi", "a"), info(1, "nova-compute", "b", node="c02")]
    assert judged(records, call(200)).sentence == "Nothing went wrong: 1 call, 2 records of 2 services, no error."
    assert "no call of it is known" in judged([]).sentence
    assert judged([], call(200)).sentence.startswith("No call failed, but no log has a record of them")
    unread = conclusion(command(), [call(200)], records, hops(records), ["c03"])
    assert (unread.wrong, unread.sentence) == (False, "No error was seen, but the logs of c03 were not read.")
    assert judged([], call(200), status=2).sentence.startswith("The command ended with 2, and none of its 1 calls")


def test_hops_are_in_the_order_of_their_first_records_with_their_worst_level() -> None:
    api, compute, conductor = hops(FAILED_BOOT)
    assert [api.service, compute.service, conductor.service] == ["nova-api-wsgi", "nova-compute", "nova-conductor"]
    assert (compute.node, compute.records, compute.errors, compute.level) == ("c02", 3, 2, "ERROR")
    assert (conductor.errors, conductor.requests) == (1, (NOVA,))
