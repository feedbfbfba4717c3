"""An error on standard error: one clear line, then the hint and the evidence; or JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from stackmend.errors import Exit, StackmendError

WORDS = {Exit.REFUSED: "refused", Exit.USAGE: "usage"}


def error_lines(error: StackmendError) -> list[str]:
    """Return ``refused node-busy: sentence``, the hint, and a line for each piece of evidence."""
    word = WORDS.get(error.exit_status, "failed")
    lines = [f"{word} {error.code}: {error.sentence}" if word != error.code else f"{word}: {error.sentence}"]
    if error.hint:
        lines.append(f"  hint: {error.hint}")
    for name, value in error.evidence.items():
        first, *rest = value.splitlines() or [""]
        lines += [f"  {name}: {first}", *(f"    {line}" for line in rest)]
    return lines


def error_data(error: StackmendError) -> dict[str, Any]:
    """Return the error as JSON-ready data."""
    return {
        "error": {
            "outcome": WORDS.get(error.exit_status, "failed"),
            "code": str(error.code),
            "sentence": error.sentence,
            "hint": error.hint,
            "evidence": error.evidence,
        }
    }


def show_error(error: StackmendError, *, as_json: bool) -> None:
    """Write the error to standard error."""
    if as_json:
        print(json.dumps(error_data(error), ensure_ascii=False), file=sys.stderr)
    else:
        print("\n".join(error_lines(error)), file=sys.stderr)
