"""Bundles on disk, read by the very program that is sent to nodes."""

import bz2
import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stackmend.cli.main import run
from stackmend.domain.log_record import LogQuery, NodeLogs
from stackmend.errors import Code, Refused
from stackmend.facts import logs_files, logs_records, logs_scan
from stackmend.facts.logs_bundle import parts_of, read_bundle
from stackmend.facts.logs_tally import Tally

REQUEST = "req-1d8992fa-8e9b-4257-bed7-95635873a58b"
OWN = "req-82ac6a0a-4f2a-4c36-bf0f-922bf3887951"
INSTANCE = "cee2285a-a470-4382-bf0e-99ad4a64daca"
USER = "714f015357ca4d799e93cea106dc9c5c cbb5e396310d4f6f88e27bb3aa1f443e - - default default"
API = f"""\
2026-11-24 13:15:47.100 964 INFO nova.api.openstack.requestlog [None req-0 {USER}] "GET /v2.1" status: 200
2026-11-24 13:15:47.289 964 INFO nova.api.openstack.requestlog [None {REQUEST} {USER}] 10.213.76.1 "DELETE \
/v2.1/servers/{INSTANCE}/os-volume_attachments/a63c818c" status: 400 len: 269 microversion: 2.89 time: 0.109440
[pid: 964|app: 0|req: 9/9] 10.213.76.1 () {{34 vars in 7 bytes}} [Tue Nov 24 13:15:47 2026] DELETE /v2.1/servers
"""
VOLUME = f"""\
2026-11-24 13:15:47.284 948 ERROR cinder.volume.api [{REQUEST} {OWN} {USER}] Unable to detach volume 12 of 'vol'.
"""
HEAD = "2026-11-24 13:15:47.300 1115"
COMPUTE = f"""\
2026-11-24 13:15:40.000 1115 INFO nova.compute.manager [-] something before
{HEAD} ERROR nova.compute.manager [None {REQUEST} {USER}] [instance: {INSTANCE}] Detach failed: \
connection=mysql+pymysql://nova:hunter2@10.0.0.1/nova
and a second line
{HEAD} ERROR nova.compute.manager [instance: {INSTANCE}] Traceback (most recent call last):
2026-11-24 13:15:47.300 1116 DEBUG nova.virt [-] another process, in between
{HEAD} ERROR nova.compute.manager [instance: {INSTANCE}]   File "manager.py", line 7, in detach
{HEAD} ERROR nova.compute.manager [instance: {INSTANCE}] ValueError: volume 'a'
2026-11-24 13:15:48.000 1115 WARNING nova.compute.manager [None {REQUEST} {USER}] after
"""


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Copied logs of a controller, one file of it rotated and packed, and a sos report of a compute node."""
    controller, compute = tmp_path / "ctl01", tmp_path / "sosreport-c01-2026-11-24-abc"
    for place in (controller / "nova", controller / "cinder", compute / "var/log/nova", tmp_path / "notes"):
        place.mkdir(parents=True)
    (controller / "nova/nova-api.log").write_text(API)
    (controller / "cinder/api.log.2.gz").write_bytes(gzip.compress(VOLUME.encode()))
    (controller / "cinder/empty.log").touch()
    (compute / "var/log/nova/nova-compute.log").write_text(COMPUTE)
    (compute / "hostname").write_text("c01\n")
    return tmp_path


def read(bundle: Path, query: LogQuery, zone: str = "UTC") -> dict[str, NodeLogs]:
    return {str(logs.node): logs for logs in read_bundle(parts_of(bundle), query, zone=zone)}


def test_nodes_are_known_by_report_or_directory(bundle: Path) -> None:
    assert {str(part.node): part.top.name for part in parts_of(bundle)} == {"ctl01": "ctl01", "c01": "log"}
    assert [part.node for part in parts_of(bundle / "ctl01")] == ["ctl01"]


def test_what_holds_no_logs_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none"):
        with pytest.raises(Refused) as caught:
            parts_of(place)
        assert caught.value.code == Code.LOGS_MISSING


def test_a_request_is_followed_through_packed_files_and_processes(bundle: Path) -> None:
    found = read(bundle, LogQuery(requests=(REQUEST,)))
    assert [r.service for r in found["ctl01"].records] == ["cinder-api", "nova-api"]
    packed = found["ctl01"].records[0]
    assert (packed.request, packed.global_request, packed.source[-6:]) == (OWN, REQUEST, "g.2.gz")
    assert packed.time == datetime(2026, 11, 24, 13, 15, 47, 284000, UTC)
    assert [r.level for r in found["c01"].records] == ["ERROR", "WARNING"]


def test_a_traceback_is_whole_and_without_what_others_wrote_between(bundle: Path) -> None:
    failed = read(bundle, LogQuery(requests=(REQUEST,), level="ERROR"))["c01"].records
    assert [r.text.split("\n")[1:] for r in failed] == [
        [
            "and a second line",
            "Traceback (most recent call last):",
            '  File "manager.py", line 7, in detach',
            "ValueError: volume 'a'",
        ]
    ]
    assert failed[0].instance == INSTANCE
    assert "hunter2" not in failed[0].text


@pytest.mark.parametrize(
    ("query", "services"),
    [
        (LogQuery(texts=("another process",)), ["nova-compute"]),
        (LogQuery(texts=('File "manager.py"', "Traceback")), ["nova-compute"]),
        (LogQuery(texts=("a second line",)), ["nova-compute"]),
        (LogQuery(instances=(INSTANCE,), services=("nova-api",)), ["nova-api"]),
        (LogQuery(instances=(INSTANCE,), services=("nova",)), ["nova-api", "nova-compute"]),
        (LogQuery(level="ERROR"), ["cinder-api", "nova-compute"]),
        (LogQuery(level="WARNING", services=("cinder",)), ["cinder-api"]),
        (LogQuery(until=datetime(2026, 11, 24, 13, 15, 41, tzinfo=UTC)), ["nova-compute"]),
        (LogQuery(since=datetime(2026, 11, 24, 13, 15, 48, tzinfo=UTC)), ["nova-compute"]),
        (LogQuery(texts=("nowhere",)), []),
    ],
)  # fmt: skip
def test_conditions(bundle: Path, query: LogQuery, services: list[str]) -> None:
    found = read(bundle, query)
    assert sorted(r.service for logs in found.values() for r in logs.records) == services
    assert all(not logs.silent and not logs.unread for logs in found.values())


def test_times_are_of_the_zone_that_is_named(bundle: Path) -> None:
    (record,) = read(bundle, LogQuery(texts=("something before",)), zone="Asia/Tokyo")["c01"].records
    assert record.time == datetime(2026, 11, 24, 4, 15, 40, tzinfo=UTC)


def test_errors_are_grouped(bundle: Path) -> None:
    again = COMPUTE.replace("13:15", "13:25").replace(INSTANCE, "8459ed33-7766-4f71-8da1-726248cb178e")
    (bundle / "sosreport-c01-2026-11-24-abc/var/log/nova/nova-compute.log").write_text(COMPUTE + again)
    (group,) = read(bundle, LogQuery(errors=True, level="ERROR"))["c01"].groups
    assert (group.count, group.service, group.logger) == (2, "nova-compute", "nova.compute.manager")
    assert (group.first.minute, group.last.minute) == (15, 25)
    assert group.example.endswith("ValueError: volume 'a'")
    assert "hunter2" not in group.template + group.example


def test_the_newest_are_kept_and_it_is_said_how_many_there_are(bundle: Path) -> None:
    found = read(bundle, LogQuery(services=("nova-compute",), limit=2))["c01"]
    assert [r.time.second for r in found.records] == [47, 48]
    assert found.matched == 4


def test_very_long_records_are_cut_and_fewer(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs_scan, "MOST_SAID", 100_000)
    monkeypatch.setattr(logs_scan, "LONGEST", 40_000)
    line = "2026-11-24 13:15:40.000 1115 INFO nova.compute.manager [-] " + "x" * 50_000 + "\n"
    (bundle / "sosreport-c01-2026-11-24-abc/var/log/nova/nova-compute.log").write_text(line * 3)
    found = read(bundle, LogQuery(services=("nova-compute",)))["c01"]
    assert [len(record.text) for record in found.records] == [40_000 + len("\n[cut here]")] * 2
    assert found.matched == 3


def test_a_file_that_cannot_be_unpacked_is_named(bundle: Path) -> None:
    (bundle / "ctl01/nova/nova-scheduler.log.1.gz").write_bytes(b"no gzip at all")
    found = read(bundle, LogQuery(requests=(REQUEST,)))["ctl01"]
    assert len(found.unread) == 1
    assert "/nova/nova-scheduler.log.1.gz: " in found.unread[0]
    assert len(found.records) == 2


def test_first_lines_alone_are_of_the_same_records_and_are_completed(tmp_path: Path) -> None:
    path = tmp_path / "nova-compute.log"
    path.write_text("".join(COMPUTE.replace("13:15", f"13:{minute}") for minute in range(10, 40)))
    strings = [" ERROR "]
    for region in logs_files.regions(path):
        whole = list(logs_records.records(path, region, strings))
        first = list(logs_records.heads(region, logs_files.hits(path, region, strings)))
        assert [record.offset for record in first] == [record.offset for record in whole]
        assert len(first) == 30
        tally = Tally(path, region, strings, "ERROR")
        assert (list(tally.counts.values()), tally.rest) == ([30], [])
        assert logs_records.completed(path, first[-1]) == whole[-1]
    path.write_text("something else\n")
    assert logs_records.completed(path, first[-1]) == first[-1]


def test_packed_files_are_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs_files, "BLOCK", 500)
    monkeypatch.setattr(logs_files, "AROUND", 2000)
    path = tmp_path / "nova-compute.log.3.bz2"
    path.write_bytes(bz2.compress((COMPUTE * 30).encode()))
    whole = [
        record
        for region in logs_files.regions(path)
        for record in logs_records.records(path, region, ["Traceback", REQUEST])
    ]
    assert [len(record.rest) for record in whole] == [4, 0] * 30


def test_the_command_shows_one_time_line_and_says_when_there_is_nothing(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["logs", "--bundle", str(bundle), "--request", REQUEST, "-f", "json"]) == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(r["node"], r["service"]) for r in shown] == [
        ("ctl01", "cinder-api"), ("ctl01", "nova-api"), ("c01", "nova-compute"), ("c01", "nova-compute")
    ]  # fmt: skip
    assert run(["logs", "--bundle", str(bundle), "--request", OWN]) == 0
    text = capsys.readouterr()
    assert text.out.startswith(f"2026-11-24 13:15:47.284Z ctl01 cinder-api ERROR cinder.volume.api [{REQUEST} {OWN}]")
    assert f"made for {REQUEST}" in text.err
    assert run(["logs", "--bundle", str(bundle), "--grep", "nowhere"]) == 1
    assert "nothing was found; 3 files and journals of 2 nodes" in capsys.readouterr().err
    assert run(["logs", "--bundle", str(bundle), "--node", "c09"]) == 3


def test_the_command_groups_errors_of_all_nodes(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["logs", "--bundle", str(bundle), "--errors"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "1 time  cinder-api ERROR cinder.volume.api on ctl01" in lines
    assert "    Unable to detach volume <n> of <name>." in lines


def test_the_program_imports_nothing_but_pythons_library(run_program: Callable[[str], str], bundle: Path) -> None:
    said = run_program(str(bundle / "ctl01"))
    *records, last = (json.loads(line) for line in said.splitlines())
    assert [record["service"] for record in records] == ["cinder-api", "nova-api"]
    assert last["matched"] == 2


@pytest.fixture
def run_program() -> Callable[[str], str]:
    """Run the program as a node does: the shell script, by ``sh``, in an environment without our package."""
    from stackmend.facts.logs_answer import order  # noqa: PLC0415
    from stackmend.facts.logs_program import script  # noqa: PLC0415
    from stackmend.rules.logs_services import services_of  # noqa: PLC0415

    def do(top: str) -> str:
        text = script("stackmend.facts.logs_scan", order(LogQuery(requests=(REQUEST,)), services_of(()), top=top))
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        done = subprocess.run(
            ["sh"], input=text, capture_output=True, text=True, check=True, env={"PATH": path, "TZ": "UTC"}
        )
        return done.stdout

    return do
