"""Verify a node by hand: every check a row, the exit status for scripts."""

from __future__ import annotations

from stackmend.actions.verify import verify_findings
from stackmend.cli.context import CloudChoice, open_world
from stackmend.cli.plans import compute_node
from stackmend.domain.finding import Finding, Level
from stackmend.errors import Exit
from stackmend.render.output import show_rows

COLUMNS = ("check", "level", "finding", "hint")


def verify_node(choice: CloudChoice, name: str, *, canary: bool, form: str) -> Exit:
    """Make every check, show the findings, and return FAILED where one failed."""
    with open_world(choice) as world:
        findings = verify_findings(world, compute_node(world, name).name, canary=canary)
    show_rows(COLUMNS, [_row(f) for f in findings], form)
    return Exit.FAILED if any(f.level is Level.FAILED for f in findings) else Exit.DONE


def _row(finding: Finding) -> dict[str, str]:
    return {
        "check": finding.code,
        "level": str(finding.level),
        "finding": finding.sentence,
        "hint": "" if finding.level is Level.OK else finding.hint,
    }
