"""The runs that are open, for commands that only look."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stackmend.domain.overview import RunGlance


def open_runs(state: Path) -> tuple[RunGlance, ...]:
    """Return the runs that hold a node; none where there is no journal yet."""
    if not state.is_dir():
        return ()
    from stackmend.domain.overview import RunGlance  # noqa: PLC0415
    from stackmend.engine.journal import Journal  # noqa: PLC0415 - late: it imports SQLite
    from stackmend.engine.reading import Runs  # noqa: PLC0415

    journal = Journal(state)
    try:
        found = Runs(journal).latest(open_only=True)
    finally:
        journal.close()
    return tuple(RunGlance(run.id, run.state, run.plan.subject, run.sentence) for run in found)
