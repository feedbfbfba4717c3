"""The volumes of a node, and what was found of volumes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from stackmend.domain.finding import Level
from stackmend.domain.volume import VolumeFinding, VolumeRow
from stackmend.render.output import show_data, show_rows

COLUMNS = ("instance", "instance_name", "volume", "status", "attachment", "device", "name")
FINDING_COLUMNS = ("volume", "level", "check", "finding", "cure", "hint")


def show_table(node: str, way: str, rows: Sequence[VolumeRow], form: str) -> None:
    """Write a node's volumes to standard output as table, json, yaml or csv, and to standard error who says so."""
    print(f"volumes of the instances on {node}, by {way}", file=sys.stderr)
    show_rows(COLUMNS, [vars(row) for row in rows], form)


def show_findings(findings: Sequence[VolumeFinding], form: str) -> None:
    """Write what was found to standard output as text (a table), json or yaml; these two have the evidence too."""
    rows = [_row(found) for found in findings]
    if form in {"json", "yaml"}:
        show_data([{**row, "evidence": dict(f.finding.evidence)} for row, f in zip(rows, findings, strict=True)], form)
    else:
        show_rows(FINDING_COLUMNS, rows, "table")


def _row(found: VolumeFinding) -> Mapping[str, Any]:
    finding = found.finding
    return {
        "volume": finding.subject,
        "level": str(finding.level),
        "check": finding.code,
        "finding": finding.sentence,
        "cure": _cure(found),
        "hint": "" if finding.level is Level.OK else finding.hint,
    }


def _cure(found: VolumeFinding) -> str:
    if found.cure is None:
        return ""
    return f"{found.cure.repair}, if allowed" if found.cure.interrupts else str(found.cure.repair)
