"""How long ``stackmend status`` takes on the lab, beside ``openstack compute service list``, which shows part of it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from taking_turns import BIN, in_turn, report

STACKMEND = str(BIN / "stackmend")


def environment() -> dict[str, str]:
    """Return the environment that points both programs at the lab."""
    shown = subprocess.run([STACKMEND, "lab", "env"], check=True, capture_output=True, text=True).stdout
    lines = [line.removeprefix("export ") for line in shown.splitlines() if line.startswith("export ")]
    return {**os.environ, **dict(line.split("=", 1) for line in lines)}


def main() -> None:
    """Measure, print both sides, and fail where ours is not the faster one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    commands = [STACKMEND, "status"], [str(BIN / "openstack"), "compute", "service", "list"]
    ours, theirs = in_turn(*commands, rounds=given.rounds, environment=environment())
    print(f"medians of {given.rounds} rounds, in turn")
    ratio = report("stackmend status", ours).wall / report("openstack compute service list", theirs).wall
    print(f"stackmend takes {ratio:.2f} of the time (at most 1)")
    if ratio > 1:
        sys.exit("over the budget")


if __name__ == "__main__":
    main()
