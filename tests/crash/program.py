"""The program that crash tests kill: ``program.py STATE FILES VERB [ARGUMENTS]`` with the engine on real files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from files import Files, plan

from stackmend.cli.wiring import ending_on_signals
from stackmend.domain.run import Run
from stackmend.domain.values import RunId, StepId
from stackmend.engine.crashing import CrashingJournal, CrashPoint
from stackmend.engine.engine import Engine
from stackmend.engine.journal import Journal
from stackmend.engine.protocols import Silence


def carried_out(engine: Engine, verb: str, rest: list[str]) -> Run:
    """Do what the words say."""
    if verb == "start":
        return engine.carry_out(engine.start(plan(), actor="test").id)
    if verb == "retry":
        return engine.retry(RunId(rest[0]), StepId(rest[1]), {})
    if verb == "undo":
        return engine.undo(RunId(rest[0]))
    return engine.resume(RunId(rest[0]))


def main() -> None:
    state, files, verb, *rest = sys.argv[1:]
    point = os.environ.get("STACKMEND_CRASH_AT")
    journal = CrashingJournal(Path(state), CrashPoint.parse(point)) if point else Journal(Path(state))
    engine = Engine(journal, Files(Path(files)), Silence())
    with ending_on_signals(engine):
        run = carried_out(engine, verb, rest)
    sys.stdout.write(f"{run.id} {run.state}\n")


if __name__ == "__main__":
    main()
