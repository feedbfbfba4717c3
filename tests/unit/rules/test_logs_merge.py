from datetime import UTC, datetime, timedelta

import pytest

from stackmend.domain.log_record import LogGroup, LogRecord, NodeLogs
from stackmend.domain.node import Role
from stackmend.domain.values import NodeName
from stackmend.rules.logs_merge import grouped, offset_between, origins, remarks, time_line
from stackmend.rules.logs_services import services_of

START = datetime(2026, 11, 24, 13, tzinfo=UTC)
C01, C02 = NodeName("c01"), NodeName("c02")


def record(node: NodeName, second: float, text: str = "", *, request: str = "", made_for: str = "") -> LogRecord:
    time = START + timedelta(seconds=second)
    return LogRecord(time, node, "nova-compute", "INFO", "nova", 1, request, made_for, "", text, "f")


def group(node: NodeName, count: int, first: float, last: float) -> LogGroup:
    times = START + timedelta(seconds=first), START + timedelta(seconds=last)
    return LogGroup("nova-compute", "ERROR", "nova", "t <n>", count, *times, (node,), f"by {node}")


@pytest.mark.parametrize(
    ("there", "here", "offset"),
    [
        ((100.3, 100.5), (100.0, 101.0), 0.0),  # all of it may be the way
        ((130.3, 130.5), (100.0, 101.0), 29.9),
        ((70.3, 70.5), (100.0, 101.0), -30.1),
        ((101.2, 101.3), (100.0, 101.0), 0.75),
    ],
)
def test_a_clock_is_off_where_the_way_cannot_explain_it(
    there: tuple[float, float], here: tuple[float, float], offset: float
) -> None:
    found, uncertainty = offset_between(there, here)
    assert found == pytest.approx(offset)
    assert 0 < uncertainty < 1


def test_records_of_all_nodes_are_in_one_time_line() -> None:
    one = NodeLogs(C01, records=(record(C01, 1), record(C01, 4)))
    other = NodeLogs(C02, records=(record(C02, 2), record(C02, 3)))
    assert [r.node for r in time_line([one, other])] == [C01, C02, C02, C01]


def test_alike_errors_of_several_nodes_are_one_group() -> None:
    found = grouped([NodeLogs(C01, groups=(group(C01, 2, 0, 5),)), NodeLogs(C02, groups=(group(C02, 3, -1, 9),))])
    assert [(g.count, g.nodes, g.example) for g in found] == [(5, (C01, C02), "by c02")]
    assert (found[0].first, found[0].last) == (START - timedelta(seconds=1), START + timedelta(seconds=9))


def test_all_that_is_missing_or_was_corrected_is_said() -> None:
    said = remarks(
        [
            NodeLogs(C01, silent="c01 cannot be reached"),
            NodeLogs(C02, records=(record(C02, 1),), matched=7, offset=-31.24, uncertainty=0.2, unread=("a: denied",)),
            NodeLogs(NodeName("c03"), offset=0.4),
        ]
    )
    assert said == [
        "c01 was not read: c01 cannot be reached",
        "c02: a: denied",
        "the clock of c02 is 31.2 s behind this machine's (±0.2 s); its times are corrected",
        "c02: only the newest 1 of 7 are shown; narrow it, or raise --limit",
    ]


def test_a_request_that_was_made_for_another_tells_that() -> None:
    records = [record(C01, 1, request="req-a", made_for="req-o"), record(C01, 2, request="req-b", made_for="req-p")]
    assert origins(records, ["req-a"]) == ["req-o"]
    assert origins(records, ["req-a", "req-o"]) == []


def test_a_node_is_asked_for_what_its_roles_run() -> None:
    names = {service.name for service in services_of([Role.COMPUTE])}
    assert {"nova", "libvirt", "qemu", "ovn"} <= names
    assert "keystone" not in names
    everything = {service.name for service in services_of([])}
    assert names < everything
