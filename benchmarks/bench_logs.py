"""How fast ``stackmend logs`` reads a bundle, beside GNU grep, a loop in Python, and duckdb where it is installed.

It writes realistic oslo.log text into 12 files of one node, finds one request id in them, and groups their errors. All
sides run in turn, on the same files, in the page cache. ``--duckdb PYTHON`` names an interpreter that has duckdb; it is
no dependency of stackmend.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from taking_turns import BIN, Run, in_turn, once, report

STACKMEND = str(BIN / "stackmend")
WITH_TRACEBACK = 0.2
REQUEST_AT_LEAST, LOOP_AT_LEAST, DUCKDB_AT_LEAST = 0.8, 0.8, 0.6
FILES = (
    "nova/nova-api", "nova/nova-conductor", "nova/nova-scheduler", "nova/nova-compute", "neutron/neutron-server",
    "neutron/neutron-ovn-metadata-agent", "cinder/cinder-api", "cinder/cinder-volume", "cinder/cinder-scheduler",
    "glance/glance-api", "keystone/keystone", "placement/placement-api",
)  # fmt: skip
QUIET = """\
INFO {module}.requestlog [{context}] 10.0.0.{n} "GET /v2.1/servers/{id}" status: 200 len: {n} time: 0.{n}
DEBUG oslo.messaging._drivers.impl_rabbit [{context}] Sending direct to reply_{hex} direct_send \
/usr/lib/python3/dist-packages/oslo_messaging/_drivers/impl_rabbit.py:1762
DEBUG {module}.manager [{context}] [instance: {id}] Lock "{id}" acquired by "do_something" :: waited 0.00{n}s inner \
/usr/lib/python3/dist-packages/oslo_concurrency/lockutils.py:405
INFO {module}.manager [{context}] [instance: {id}] During sync_power_state the instance has a pending task. Skip.
""".splitlines()
LOUD = """\
ERROR {module}.manager [{context}] [instance: {id}] Instance failed to spawn: port {id} timed out after {n} s
ERROR {module}.driver [{context}] Connection to 10.0.0.{n}:5672 failed, attempt {n}
ERROR {module}.api [{context}] Volume {id} is not 'available' but '{hex}'
ERROR {module}.scheduler [{context}] No valid host was found for flavor '{hex}' (needs {n} MB)
""".splitlines()
TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "/usr/lib/python3/dist-packages/nova/compute/manager.py", line 2743, in _build_resources',
    "    yield resources",
    "nova.exception.VirtualInterfaceCreateException: Virtual Interface creation failed",
)
LOOP = """
import re, sys
from collections import Counter
from pathlib import Path
masks = [(re.compile(p), w) for p, w in ((r'[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}', '<uuid>'),
    (r"'[^']*'", '<name>'), (r'0x[0-9a-f]+', '<hex>'), (r'[0-9]+', '<n>'))]
counts = Counter()
for path in Path(sys.argv[1]).rglob('*.log'):
    for line in path.open(errors='replace'):
        if ' ERROR ' in line and '[' in line:
            text = line.split(' ', 5)[-1].rpartition('] ')[2]
            for pattern, word in masks:
                text = pattern.sub(word, text)
            counts[text] += 1
print(len(counts), sum(counts.values()))
"""
DUCKDB = r"""
import duckdb, sys
print(len(duckdb.sql(r'''
select regexp_replace(regexp_replace(regexp_replace(regexp_replace(
    regexp_extract(line, ' ERROR \S+ \[[^]]*\] (.*)', 1),
    '[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}', '<uuid>', 'g'), '\x27[^\x27]*\x27', '<name>', 'g'),
    '0x[0-9a-f]+', '<hex>', 'g'), '[0-9]+', '<n>', 'g') as template, count(*) as n
from read_csv('%s/**/*.log', columns={'line': 'VARCHAR'}, delim=chr(7), quote='', escape='', header=false,
    auto_detect=false)
where contains(line, ' ERROR ') and contains(line, ' [') group by 1''' % sys.argv[1]).fetchall()))
"""


def context(dice: random.Random, requests: Sequence[str]) -> str:
    """Return what stands in the brackets."""
    number = dice.randrange(len(requests))
    other = "None" if number % 2 else requests[number - 1]
    return f"{other} {requests[number]} {'f' * 32} {'0' * 32} - - default default"


def lines(module: str, dice: random.Random, requests: Sequence[str], loud: float) -> Iterator[str]:
    """Yield lines of one service without end; a share of the records are errors, every fifth with a traceback."""
    second = 0
    while True:
        second += 1
        beginning = f"2026-11-{1 + second // 864000 % 28:02d} {second // 36000 % 24:02d}:{second // 600 % 60:02d}"
        beginning += f":{second // 10 % 60:02d}.{second % 10}00 {dice.randrange(900, 912)}"
        is_loud = dice.random() < loud
        text = dice.choice(LOUD if is_loud else QUIET).format(
            module=module, context=context(dice, requests), n=dice.randrange(1, 250),
            id=uuid.UUID(int=dice.getrandbits(128)), hex=f"{dice.getrandbits(64):016x}",
        )  # fmt: skip
        yield f"{beginning} {text}\n"
        if is_loud and dice.random() < WITH_TRACEBACK:
            logger = text.split(" ", 2)[1]
            yield from (f"{beginning} ERROR {logger} {line}\n" for line in TRACEBACK)


def write(top: Path, megabytes: int, loud: float) -> str:
    """Write the files; return a request id that is in several of them."""
    dice = random.Random(4)  # noqa: S311 - the same text every time
    requests = [f"req-{uuid.UUID(int=dice.getrandbits(128))}" for _ in range(20000)]
    each = megabytes * 1_000_000 // len(FILES)
    for name in FILES:
        path = top / f"{name}.log"
        path.parent.mkdir(exist_ok=True)
        size, source = 0, lines(name.replace("/", ".").replace("-", "."), dice, requests, loud)
        with path.open("w") as file:
            while size < each:
                block = "".join(line for line, _ in zip(source, range(5000), strict=False))
                file.write(block)
                size += len(block)
    return requests[0]


def compare(
    what: str, ours: Sequence[str], others: Mapping[str, Sequence[str]], given: argparse.Namespace
) -> dict[str, float]:
    """Run all sides in turn, print them, and return how many times as fast as each of the others ours is."""
    print(f"\n{what}")
    sides: dict[str, list[Run]] = {"stackmend logs": []}
    for name, command in others.items():
        mine, theirs = in_turn(ours, command, rounds=given.rounds)
        sides["stackmend logs"] += mine
        sides[name] = theirs
    medians = {name: report(name, runs) for name, runs in sides.items()}
    own = medians.pop("stackmend logs").wall
    print(f"stackmend logs: {given.megabytes / own:.0f} MB/s")
    ratios = {name: run.wall / own for name, run in medians.items()}
    for name, ratio in ratios.items():
        print(f"{ratio:.2f} times the throughput of {name} ({given.megabytes / medians[name].wall:.0f} MB/s)")
    return ratios


def main() -> None:
    """Measure, print all sides, and fail where ours is slower than it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--errors", type=float, default=0.02, help="share of the records")
    parser.add_argument("--duckdb", metavar="PYTHON", help="an interpreter that has duckdb")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stackmend-bench-") as folder:
        top = Path(folder)
        request = write(top, given.megabytes, given.errors)
        print(f"{given.megabytes} MB in {len(FILES)} files; medians of {given.rounds} rounds, in turn")
        bundle = [STACKMEND, "logs", "--bundle", folder, "--limit", "100000"]
        # By way of a pipe: with its output on /dev/null, grep ends at the first match.
        grep = ["sh", "-c", 'LC_ALL=C grep -rhF "$1" "$2" | sort', "sh", request, folder]
        found = subprocess.run(grep, capture_output=True, check=True).stdout.count(b"\n")
        print(f"{found} lines have the request id")
        one = compare("one request id, merged", [*bundle, "--request", request], {"grep -rhF | sort": grep}, given)
        others = {"a loop in Python": [sys.executable, "-c", LOOP, folder]}
        if given.duckdb:
            others["duckdb"] = [given.duckdb, "-c", DUCKDB, folder]
            once(others["duckdb"])
        two = compare("error templates", [*bundle, "--errors"], others, given)
    slow = one["grep -rhF | sort"] < REQUEST_AT_LEAST or two["a loop in Python"] < LOOP_AT_LEAST
    if slow or two.get("duckdb", DUCKDB_AT_LEAST) < DUCKDB_AT_LEAST:
        sys.exit("slower than it should be")


if __name__ == "__main__":
    main()
