"""One measurement of stackmend's engine: ``engine_ours.py SHAPE N SYNC``; see ``bench_engine.py``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine_cost import child

from stackmend.domain.outcome import Do, Receipt
from stackmend.domain.plan import Plan, Step
from stackmend.domain.values import JsonObject, StepId
from stackmend.engine.context import StepContext
from stackmend.engine.engine import Engine
from stackmend.engine.journal import Journal
from stackmend.engine.protocols import Silence


class Bench(Journal):
    """A journal with the setting of SQLite that is measured."""

    def __init__(self, directory: Path, sync: str) -> None:
        super().__init__(directory)
        self._connection.execute(f"PRAGMA synchronous={sync}")


class Nothing:
    """Steps that change nothing."""

    def prepare(self, step: Step, context: StepContext) -> Do:
        """Decide on it."""
        del context
        return Do({"former": step.title}, "change it")

    def apply(self, step: Step, change: JsonObject, context: StepContext) -> Receipt:
        """Change nothing."""
        del step, change, context
        return Receipt("changed it", {"seconds": 0}, ("true",))

    def verify(self, step: Step, change: JsonObject, receipt: Receipt, context: StepContext) -> Receipt:
        """See nothing."""
        del step, change, context
        return receipt

    def undo(self, step: Step, change: JsonObject, context: StepContext) -> str:
        """Restore nothing."""
        del step, change, context
        return "nothing to undo"

    def let_go(self, step: Step, change: JsonObject, context: StepContext) -> str:
        """Leave nothing."""
        del step, change, context
        return ""


def ours(directory: Path, shape: str, n: int, sync: str) -> Callable[[], None]:
    """Return the call that carries out a run of ``n`` steps: four records a step, each committed."""
    names = [StepId(f"step/{i}") for i in range(n)]
    needs: list[tuple[StepId, ...]] = [(names[i - 1],) if shape == "linear" and i else () for i in range(n)]
    steps = tuple(Step(name, "nothing", f"Do {name}", needs=need) for name, need in zip(names, needs, strict=True))
    engine = Engine(Bench(directory, sync), Nothing(), Silence())
    run = engine.start(Plan("bench", "c01", "Do nothing", steps), actor="bench").id

    def go() -> None:
        if engine.carry_out(run).state != "done":
            raise SystemExit("the run did not end")

    return go


if __name__ == "__main__":
    child(ours)
