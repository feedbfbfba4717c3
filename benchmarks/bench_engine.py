"""What a step costs beside its work: stackmend's engine and TaskFlow, on SQLite, with steps that do nothing.

Both sides run in turn, in processes of their own, on one file system; the figures are medians of the rounds. TaskFlow
is set up at its best: one cached connection for its backend, and a write-ahead log. Ours writes four records a step and
TaskFlow what it always writes; both commit each of them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

SIDES = ("ours-full", "ours-normal", "taskflow-full", "taskflow-normal")
SHAPES = ("linear", "parallel")
HERE = Path(__file__).parent


def measure(side: str, shape: str, n: int, rounds: int) -> dict[str, float]:
    """Return the medians of some rounds."""
    who, sync = side.split("-")
    command = [sys.executable, str(HERE / f"engine_{who}.py"), shape, str(n), sync.upper()]
    found = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(rounds)]
    return {key: statistics.median(one[key] for one in found) for key in ("ms", "cpu_ms", "rss_mb")}


def main() -> None:
    """Measure every side, and print it with the ratios; fail where the engine is over its budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    table = {
        (shape, n, side): measure(side, shape, n, given.rounds)
        for shape in SHAPES
        for n in (100, 500)
        for side in SIDES
    }
    report(table)
    worst = max(one["ms"] for (_, _, side), one in table.items() if side == "ours-full")
    grown = table["linear", 500, "ours-full"]["rss_mb"] - table["linear", 100, "ours-full"]["rss_mb"]
    print(f"\nslowest of ours, synchronous=FULL: {worst:.1f} ms a step (at most 20); 400 steps more: {grown:+.1f} MB")
    if worst > 20 or grown > 5:  # noqa: PLR2004 - the budget, said in the line above
        sys.exit("over the budget")


def report(table: dict[tuple[str, int, str], dict[str, float]]) -> None:
    """Print a line for each measurement, and how many times longer TaskFlow takes with the same setting of SQLite."""
    print(f"{'shape':9} {'n':>4} {'side':16} {'ms/step':>8} {'CPU ms':>7} {'RSS MB':>7}   TaskFlow takes")
    for (shape, n, side), one in table.items():
        times = one["ms"] / table[shape, n, side.replace("taskflow", "ours")]["ms"]
        ratio = f"{times:.1f} times as long" if side.startswith("taskflow") else ""
        print(f"{shape:9} {n:4} {side:16} {one['ms']:8.2f} {one['cpu_ms']:7.2f} {one['rss_mb']:7.1f}   {ratio}")


if __name__ == "__main__":
    main()
