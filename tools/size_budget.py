"""Fail when a file or a function grows past the budget: what one person can hold in the head at once."""

from __future__ import annotations

import ast
import statistics
import sys
from pathlib import Path

FOLDERS = ("src", "tests", "tools", "benchmarks")
FILE_MAX, FILE_MEDIAN = 500, 160
FUNCTION_MAX, FUNCTION_P90 = 80, 45

EXEMPT: dict[str, str] = {
    # "src/…/file.py" or "src/…/file.py::function": "why it may be longer, and until when"
}


def lengths(path: Path, root: Path) -> list[tuple[str, int, int]]:
    """Return name, lines and limit of a file and of each function in it."""
    text = path.read_text()
    name = str(path.relative_to(root))
    nodes = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [(name, len(text.splitlines()), FILE_MAX)] + [
        (f"{name}::{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1, FUNCTION_MAX) for node in nodes
    ]


def complaints(root: Path, exempt: dict[str, str]) -> list[str]:
    """Return a sentence for everything under ``root`` that is over the budget, and for each idle exemption."""
    paths = sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.py"))
    measured = [length for path in paths for length in lengths(path, root)]
    over = {name: f"{name} has {lines} lines, {most} at most" for name, lines, most in measured if lines > most}
    found = [sentence for name, sentence in over.items() if name not in exempt]
    found += [f"{name} is exempt and need not be" for name in exempt if name not in over]
    median = statistics.median(lines for name, lines, _ in measured if "::" not in name)
    p90 = statistics.quantiles((lines for name, lines, _ in measured if "::" in name), n=10)[-1]
    if median > FILE_MEDIAN:
        found.append(f"the median file has {median:.0f} lines, {FILE_MEDIAN} at most")
    if p90 > FUNCTION_P90:
        found.append(f"one function in ten has more than {p90:.0f} lines, {FUNCTION_P90} at most")
    print(f"{len(paths)} files, median {median:.0f} lines; nine functions in ten have at most {p90:.0f}")
    return found


if __name__ == "__main__":
    problems = complaints(Path(__file__).resolve().parent.parent, EXEMPT)
    sys.exit("\n".join(problems) if problems else 0)
