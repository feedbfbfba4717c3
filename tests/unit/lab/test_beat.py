"""Heartbeats on a console: told from other lines, and what a series of them comes to."""

from __future__ import annotations

from stackmend.lab import beat

LINE = "stackmend-beat seq=7 boot=2 id=8aa380ca-72ad mac=fa:16:3e:4d:23:95 disk=rw at=1795366868.114917"


def one(sequence: int, at: float, boot: int = 1) -> beat.Beat:
    return beat.Beat(sequence, boot, "8aa380ca", "fa:16:3e:4d:23:95", "rw", at)


def test_a_line_is_read() -> None:
    assert beat.parse(LINE) == beat.Beat(7, 2, "8aa380ca-72ad", "fa:16:3e:4d:23:95", "rw", 1795366868.114917)


def test_a_line_may_end_in_a_carriage_return_and_follow_noise() -> None:
    assert beat.parse_all([f"[    1.2] {LINE}\r", "stackmend-guest address=192.168.77.9", LINE[:-9], LINE[20:]]) == [
        beat.parse(LINE)
    ]


def test_a_report_counts_what_is_missing_and_the_longest_gap() -> None:
    found = beat.report([one(1, 10.0), one(2, 11.0), one(5, 14.2), one(6, 15.2, boot=2)])
    assert (found.count, found.missing, found.reboots) == (4, 2, 1)
    assert round(found.longest_gap_s, 3) == 3.2


def test_a_report_of_nothing_is_all_zeros() -> None:
    assert beat.report([]) == beat.BeatReport(0, 0, 0.0, 0)
