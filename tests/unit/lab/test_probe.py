"""The prober's packets and its log."""

from __future__ import annotations

from stackmend.lab import probe
from stackmend.lab.probe import ProbeCount

LOG = """\
targets 192.0.2.1 192.0.2.2
100.000 +.
100.100 -.
100.200 -+
100.300 ++
targets 192.0.2.2
100.400 -
100.500 +
""".splitlines(keepends=True)


def test_losses_and_gaps_are_counted_for_each_address_from_its_first_answer_on() -> None:
    assert probe.count(LOG, 0, 1000) == {
        "192.0.2.1": ProbeCount(4, 2, 0.3),
        "192.0.2.2": ProbeCount(4, 1, 0.2),
    }


def test_only_the_window_counts() -> None:
    assert probe.count(LOG, 100.25, 100.35) == {"192.0.2.1": ProbeCount(1, 0, 0), "192.0.2.2": ProbeCount(1, 0, 0)}
    assert probe.count(LOG, 200, 300) == {}


def test_a_window_that_begins_in_a_gap_counts_the_gap_from_its_own_begin() -> None:
    assert probe.count(LOG, 100.15, 100.35)["192.0.2.1"] == ProbeCount(2, 1, 0.1)


def test_a_line_that_is_being_written_is_left_out() -> None:
    assert probe.count([*LOG, "100.600 -"], 0, 1000) == probe.count(LOG, 0, 1000)


def test_the_latest_round_tells_who_answers_unless_it_is_old() -> None:
    assert probe.latest(LOG, 100.0) == ["192.0.2.2"]
    assert probe.latest(LOG, 101.0) == []
    assert probe.latest([], 0.0) == []


def test_a_request_has_a_right_checksum_and_its_reply_is_recognised() -> None:
    request = probe.echo(0x1234)
    assert probe.checksum(request) == 0
    header = bytes([0x45]) + bytes(19)
    reply = b"\x00" + request[1:]
    assert probe.reply_number(header + reply) == 0x1234
    assert probe.reply_number(header + request) is None
    assert probe.reply_number(header + reply[:4] + b"\xff\xff" + reply[6:]) is None
    assert probe.reply_number(header) is None


def test_a_probe_counts_only_once_its_target_has_answered() -> None:
    known: set[str] = set()
    first = probe.Round(1, 0.0, 1.0, ("a", "b"), answered={"b"})
    second = probe.Round(2, 0.1, 1.1, ("a", "b"), answered={"a"})
    assert [probe.fates(first, known), probe.fates(second, known)] == [".+", "+-"]
