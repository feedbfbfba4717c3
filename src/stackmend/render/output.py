"""Rows in the form that was asked for: a table for people, JSON, YAML or CSV for programs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = Mapping[str, Any]

STYLES: Mapping[str, str] = {
    "done": "green", "undone": "green", "ok": "green", "up": "green", "skipped": "cyan", "running": "blue",
    "undoing": "blue", "paused": "yellow", "interrupted": "yellow", "warning": "yellow", "frozen": "yellow",
    "degraded": "yellow", "wedged": "bold red", "partitioned": "bold red", "off": "bold red", "alive": "green",
    "no answer": "bold red", "failed": "bold red", "down": "bold red", "aborted": "magenta",
    "unknown": "magenta", "pending": "dim",
}  # fmt: skip
"""Colours of the words that tell a state; every other cell is plain."""


def show_rows(columns: Sequence[str], rows: Sequence[Row], form: str) -> None:
    """Write rows to standard output.

    Args:
        columns: keys to show, in order; they are the headings too.
        rows: values by key; a missing one is empty. JSON and YAML keep types, a table and CSV show text.
        form: table, json, yaml or csv.
    """
    if form == "table":
        _show_table(columns, rows)
    elif form == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows([text(row.get(column)) for column in columns] for row in rows)
    else:
        show_data([{column: row.get(column) for column in columns} for row in rows], form)


def show_data(data: object, form: str) -> None:
    """Write JSON-ready data to standard output as ``json`` or ``yaml``."""
    if form == "yaml":
        import yaml  # noqa: PLC0415 - late: most calls ask for a table

        # By way of JSON, so that tuples and string enums are plain lists and words.
        yaml.safe_dump(json.loads(json.dumps(data)), sys.stdout, sort_keys=False, allow_unicode=True)
    else:
        print(json.dumps(data, indent=2, ensure_ascii=False))


def data_of(record: DataclassInstance) -> dict[str, Any]:
    """Return a dataclass as JSON-ready data; times become ISO 8601, what is no JSON otherwise its text."""
    data: dict[str, Any] = json.loads(json.dumps(asdict(record), default=_plain))
    return data


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def text(value: object) -> str:
    """Return a cell's text: nothing for None, commas between the members of a list."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value)
    return str(value)


def _show_table(columns: Sequence[str], rows: Sequence[Row]) -> None:
    from rich import box  # noqa: PLC0415 - late: it is slow to import
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from stackmend.render.console import console  # noqa: PLC0415

    if not rows:
        print("none")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        cells = [text(row.get(column)) for column in columns]
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in cells))
    console().print(table)
