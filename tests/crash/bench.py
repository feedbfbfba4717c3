"""A journal, a world of files and an engine on both, in one process; shared by the tests of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from files import Files, before, content, plan

from stackmend.domain.plan import Plan
from stackmend.domain.run import Run, StepState
from stackmend.engine.engine import Engine
from stackmend.engine.journal import Journal
from stackmend.engine.protocols import Silence
from stackmend.engine.reading import Runs


@dataclass(frozen=True)
class Workbench:
    """An engine at work on files."""

    journal: Journal
    files: Path
    world_before: Mapping[str, str]

    @classmethod
    def at(cls, directory: Path) -> Workbench:
        """Lay one out."""
        before(directory / "files")
        return cls(Journal(directory / "state"), directory / "files", content(directory / "files"))

    @property
    def engine(self) -> Engine:
        """A new engine, as another process would have."""
        return Engine(self.journal, Files(self.files), Silence(), place="here")

    @property
    def runs(self) -> Runs:
        """The runs of the journal."""
        return Runs(self.journal)

    def begin(self, what: Plan | None = None) -> Run:
        """Start a run and carry it out as far as it goes."""
        engine = self.engine
        return engine.carry_out(engine.start(what or plan(), actor="test").id)

    def flag(self, name: str) -> Path:
        """Raise a flag that a step trips over, such as ``d.broken``; take it down with ``unlink``."""
        path = self.files / name
        path.touch()
        return path


def states(run: Run) -> dict[str, StepState]:
    """Return the states by the last letter of each step's id."""
    return {step[-1]: status.state for step, status in run.steps.items()}
