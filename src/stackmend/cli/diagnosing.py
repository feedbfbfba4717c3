"""Diagnose a node by hand: every witness a row, the condition as the exit status."""

from __future__ import annotations

from collections.abc import Mapping

from stackmend.cli.context import CloudChoice, open_world
from stackmend.cli.open_runs import open_runs
from stackmend.cli.plans import compute_node
from stackmend.domain.death import Condition
from stackmend.errors import Exit
from stackmend.facts.death import gather
from stackmend.render.diagnosis import show_diagnosis
from stackmend.rules.death import judge

READ_SECONDS = 10.0
"""How long nova's API may take before its database is asked."""

STATUS: Mapping[Condition, Exit] = {Condition.UP: Exit.DONE, Condition.UNKNOWN: Exit.PAUSED}
"""Exit statuses; every other condition is FAILED."""


def diagnose_node(choice: CloudChoice, name: str, form: str) -> Exit:
    """Ask every witness, show what they say, and return 0 for up, 4 for unknown, 1 for anything else."""
    with open_world(choice, read_seconds=READ_SECONDS) as world:
        node = compute_node(world, name).name
        found = judge(gather(world, node, runs=open_runs(choice.state)))
    show_diagnosis(found, form)
    return STATUS.get(found.condition, Exit.FAILED)
