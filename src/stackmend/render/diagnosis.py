"""What the witnesses say of a node's life, as a sentence with a table below it, or as data."""

from __future__ import annotations

from stackmend.domain.death import Diagnosis, Sign
from stackmend.render.output import STYLES, data_of, show_data, show_rows

COLUMNS = ("witness", "bearing", "says")


def show_diagnosis(found: Diagnosis, form: str) -> None:
    """Write a diagnosis to standard output as table, json, yaml or csv; CSV has the witnesses alone."""
    if form == "table":
        _show_words(found)
    if form in {"table", "csv"}:
        show_rows(COLUMNS, [_row(sign) for sign in found.signs], form)
    else:
        show_data(data_of(found), form)


def _row(sign: Sign) -> dict[str, str]:
    return {"witness": sign.name, "bearing": sign.bearing, "says": sign.says or sign.silent}


def _show_words(found: Diagnosis) -> None:
    from rich.text import Text  # noqa: PLC0415 - late: rich is slow to import

    from stackmend.render.console import console  # noqa: PLC0415

    screen = console()
    condition = (found.condition, STYLES.get(found.condition, ""))
    screen.print(Text.assemble((f"{found.node} at {found.at:%Y-%m-%d %H:%M:%S} UTC: ", "bold"), condition))
    screen.print(Text(found.sentence))
    if found.planned:
        screen.print(Text.assemble(("planned ", "cyan"), found.planned))
    for finding in found.findings:
        screen.print(Text.assemble((f"{finding.level} ", STYLES.get(finding.level, "")), finding.sentence))
        screen.print(Text(f"  hint: {finding.hint}", style="dim"))
    screen.print()
