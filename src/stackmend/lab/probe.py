"""The prober's program: pings every instance ten times a second and writes down each probe's fate.

It runs on a node of the lab, by that node's Python and without anything else of ours: it imports the standard library
alone.

``probe.py run TARGETS LOG`` probes the addresses in the file TARGETS (one a line, read again when it changes);
``probe.py report LOG [SINCE [UNTIL]]`` prints what was sent and lost in between, as JSON;
``probe.py latest LOG SECONDS`` prints who answered the latest round of the last seconds.

The log has two kinds of lines: ``targets ADDRESS…``, valid for the rounds after it and repeated once a minute, and
``TIME FATES``: a round sent at TIME (seconds since 1970), with a character for each target: ``+`` answered, ``-`` lost,
``.`` not counted, since the target had never answered until then.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

INTERVAL_S = 0.1
"""Seconds between two probes of one target."""
PATIENCE_S = 1.0
"""Seconds after which a probe without an answer is lost."""

_ECHO, _REPLY = 8, 0
_HEADER = struct.Struct("!BBHHH")
_IDENT = 0x5D3A
_HEADER_EVERY = 600


@dataclass(frozen=True)
class ProbeCount:
    """What became of the probes of one address.

    Attributes:
        sent: probes sent since it first answered.
        lost: those without an answer in time.
        longest_gap_s: longest time without an answered probe, in seconds; 0 where none was lost.
    """

    sent: int
    lost: int
    longest_gap_s: float


@dataclass
class Round:
    """Probes sent at one time, one to each target."""

    number: int
    at: float
    deadline: float
    targets: tuple[str, ...]
    answered: set[str] = field(default_factory=set)


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:  # noqa: PLR2004 - carries beyond sixteen bits are added back
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo(number: int) -> bytes:
    """Return an ICMP echo request for a round."""
    bare = _HEADER.pack(_ECHO, 0, 0, _IDENT, number & 0xFFFF)
    return _HEADER.pack(_ECHO, 0, checksum(bare), _IDENT, number & 0xFFFF)


def reply_number(packet: bytes) -> int | None:
    """Return the round (its lower 16 bits) that an IPv4 packet answers; None where it answers none of ours."""
    start = (packet[0] & 0x0F) * 4
    if len(packet) < start + _HEADER.size:
        return None
    kind, _, _, ident, number = _HEADER.unpack_from(packet, start)
    return int(number) if kind == _REPLY and ident == _IDENT else None


def fates(one: Round, known: set[str]) -> str:
    """Return a closed round's characters; ``known`` are the targets that ever answered, and grows."""
    known |= one.answered
    return "".join("+" if t in one.answered else "-" if t in known else "." for t in one.targets)


def rounds(lines: Iterable[str]) -> Iterator[tuple[float, dict[str, str]]]:
    """Return each round of a log: when it was sent, and the fate of each target."""
    targets: Sequence[str] = ()
    for line in lines:
        if not line.endswith("\n"):
            return
        first, *rest = line.split()
        if first == "targets":
            targets = rest
        elif rest:
            yield float(first), dict(zip(targets, rest[0], strict=False))


def count(lines: Iterable[str], since: float, until: float) -> dict[str, ProbeCount]:
    """Return what became of the probes of each address.

    Args:
        lines: of the log.
        since: first moment that counts, seconds since 1970.
        until: last moment that counts.
    """
    sent: dict[str, int] = {}
    lost: dict[str, int] = {}
    gaps: dict[str, float] = {}
    good: dict[str, float] = {}
    for at, found in rounds(lines):
        if not since <= at <= until:
            continue
        for address, fate in found.items():
            if fate == ".":
                continue
            sent[address] = sent.get(address, 0) + 1
            last = good.setdefault(address, at)
            if fate == "+":
                good[address] = at
            else:
                lost[address] = lost.get(address, 0) + 1
                gaps[address] = max(gaps.get(address, 0.0), at - last + INTERVAL_S)
    return {a: ProbeCount(n, lost.get(a, 0), round(gaps.get(a, 0.0), 2)) for a, n in sent.items()}


class Prober:
    """Sends rounds, gathers answers, writes the log.

    Args:
        targets: file with the addresses.
        log: file that is appended to.
    """

    def __init__(self, targets: Path, log: Path) -> None:
        self._file = targets
        self._log = log.open("a", buffering=1)
        self._changed = -1.0
        self._targets: tuple[str, ...] = ()
        self._written: tuple[str, ...] | None = None
        self._open: dict[int, Round] = {}
        self._known: set[str] = set()
        self._number = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.setblocking(False)  # noqa: FBT003 - the socket's own signature

    def run(self) -> None:
        """Probe until killed."""
        due = time.monotonic()
        while True:
            self._gather(due)
            self._close()
            if time.monotonic() - due > INTERVAL_S:  # the machine was busy: no burst to catch up
                due = time.monotonic()
            self._send()
            due += INTERVAL_S

    def _gather(self, until: float) -> None:
        while True:
            left = until - time.monotonic()
            ready, _, _ = select.select([self._socket], [], [], max(0.0, left))
            if not ready:
                return
            packet, (address, _) = self._socket.recvfrom(2048)
            number = reply_number(packet)
            if number is not None and number in self._open:
                self._open[number].answered.add(address)

    def _close(self) -> None:
        now = time.monotonic()
        for one in [r for r in self._open.values() if r.deadline <= now]:
            del self._open[one.number]
            if one.targets != self._written or one.number % _HEADER_EVERY == 0:
                self._log.write(f"targets {' '.join(one.targets)}\n")
                self._written = one.targets
            self._log.write(f"{one.at:.3f} {fates(one, self._known)}\n")

    def _send(self) -> None:
        self._read_targets()
        self._number = (self._number + 1) & 0xFFFF
        one = Round(self._number, time.time(), time.monotonic() + PATIENCE_S, self._targets)
        self._open[one.number] = one
        packet = echo(one.number)
        for address in one.targets:
            try:
                self._socket.sendto(packet, (address, 0))
            except OSError:  # no route or no neighbour: it stays without an answer, which is the truth
                continue

    def _read_targets(self) -> None:
        changed = self._file.stat().st_mtime
        if changed != self._changed:
            self._changed = changed
            self._targets = tuple(self._file.read_text().split())
            self._known &= set(self._targets)


def _settle(log: Path, until: float) -> None:
    """Return when the log covers that moment, or when a prober that runs would have written so much."""
    while time.time() < until + PATIENCE_S + 1.0:
        last = _tail(log)[-1:]
        if last and last[0][:1].isdigit() and last[0].endswith("\n") and float(last[0].split()[0]) >= until:
            return
        time.sleep(INTERVAL_S)


def _tail(log: Path) -> list[str]:
    """Return the last whole lines of a log."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 65536))
        return file.read().decode().splitlines(keepends=True)[1:]


def latest(lines: Iterable[str], since: float) -> list[str]:
    """Return the targets that answered the last round, where that was sent after a moment."""
    at, found = max(rounds(lines), key=lambda one: one[0], default=(0.0, {}))
    return [address for address, fate in found.items() if fate == "+"] if at >= since else []


def main(argv: Sequence[str]) -> None:
    """Run the program."""
    if argv[0] == "run":
        Prober(Path(argv[1]), Path(argv[2])).run()
    if argv[0] == "latest":
        json.dump(latest(_tail(Path(argv[1])), time.time() - float(argv[2])), sys.stdout)
        return
    since = float(argv[2]) if len(argv) > 2 else 0.0  # noqa: PLR2004
    until = float(argv[3]) if len(argv) > 3 else time.time()  # noqa: PLR2004
    _settle(Path(argv[1]), until)
    with Path(argv[1]).open() as log:
        found = count(log, since, until)
    json.dump({address: asdict(one) for address, one in found.items()}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
