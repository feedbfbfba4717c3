"""What it costs to start: processor time of ``stackmend --version`` beside that of ``openstack --version``."""

from __future__ import annotations

import argparse
import sys

from taking_turns import BIN, in_turn, report

BUDGET = 0.15


def main() -> None:
    """Measure, print both sides, and fail where ours takes more than its share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    commands = [str(BIN / "stackmend"), "--version"], [str(BIN / "openstack"), "--version"]
    ours, theirs = in_turn(*commands, rounds=given.rounds)
    print(f"medians of {given.rounds} rounds, in turn")
    ratio = report("stackmend --version", ours).cpu / report("openstack --version", theirs).cpu
    print(f"stackmend takes {ratio:.3f} of the processor time (at most {BUDGET})")
    if ratio > BUDGET:
        sys.exit("over the budget")


if __name__ == "__main__":
    main()
