"""How long reading a directory of instances takes, beside a plain loop of ``du`` and ``qemu-img info`` over it.

A tree of the given number of instances is made in /var/tmp, on a disk: each with an overlay of 1 GiB over one of ten
``_base`` files, a console.log and a disk.info. Both sides run in turn on this machine, ours with its parsing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

from taking_turns import in_turn, report

from stackmend.facts.instance_listing import listing_script, parse

BASES = 10
BUDGET = 1.0
LOOP = """cd "$1" && for one in *-*; do
  du -sB1 --apparent-size "$one"; du -sB1 "$one"; qemu-img info -U --output=json --backing-chain "$one/disk"
done"""


def make_tree(place: Path, number: int) -> None:
    """Make the directories of some instances; the overlays are copies of one for each base."""
    (place / "_base").mkdir()
    overlays = []
    for n in range(BASES):
        base = place / "_base" / f"{n:040x}"
        subprocess.run(["qemu-img", "create", "-q", "-f", "raw", base, "1G"], check=True)
        overlay = place / f"overlay{n}"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", base, overlay], check=True)
        overlays.append(overlay.read_bytes())
        overlay.unlink()
    for n in range(number):
        one = place / str(uuid.UUID(int=n))
        one.mkdir()
        (one / "disk").write_bytes(overlays[n % BASES])
        (one / "disk.info").write_text(json.dumps({f"{one}/disk": "qcow2"}))
        (one / "console.log").write_text("Linux\n" * 100)


def read(place: Path) -> None:
    """Read a directory as an audit does, and fail where something was not seen."""
    shown = subprocess.run(["sh", "-c", listing_script(str(place))], check=True, capture_output=True, text=True).stdout
    _, listing = parse(str(place), shown)
    if listing.complaints or not all(disk.chain for disk in listing.disks):
        sys.exit("something was not read")


def main() -> None:
    """Measure, print both sides, and fail where ours takes more than its share of the loop's time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--instances", type=int, default=2000)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        read(given.read)
        return
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        make_tree(Path(directory), given.instances)
        ours = [sys.executable, __file__, "--read", directory]
        pairs = in_turn(ours, ["sh", "-c", LOOP, "sh", directory], rounds=given.rounds)
    print(f"{given.instances} instances, medians of {given.rounds} rounds, in turn")
    ratio = report("one pass, parsed", pairs[0]).wall / report("du and qemu-img in a loop", pairs[1]).wall
    print(f"stackmend takes {ratio:.2f} of the time (at most {BUDGET:g})")
    if ratio > BUDGET:
        sys.exit("over the budget")


if __name__ == "__main__":
    main()
