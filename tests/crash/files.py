"""A performer that really changes something: files in a directory, restored by undo from the journaled change."""

from __future__ import annotations

from pathlib import Path

from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Plan, Step
from stackmend.domain.values import JsonObject, StepId
from stackmend.engine.context import StepContext
from stackmend.errors import Code, Failed, Refused


class Files:
    """Each step writes ``params["text"]`` into ``params["file"]``, by way of a marker that apply leaves half-way.

    A file ``<name>.refused`` makes prepare refuse, ``<name>.broken`` makes apply fail and ``<name>.stuck`` makes undo
    fail, until it is taken away; ``<name>.gate``, a FIFO, makes apply wait for a writer.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def prepare(self, step: Step, context: StepContext) -> Do | Skip:
        path, text = self._path(step), str(step.params["text"])
        if (path.with_suffix(".refused")).exists():
            raise Refused(Code.NO_TARGET, f"{path.name} is refused", hint="take .refused away")
        former = context.former_change
        now = path.read_text() if path.exists() else None
        if now == text and former is None:
            return Skip(f"{path.name} is so already")
        before = former["before"] if former is not None else now
        return Do({"before": before, "text": text}, f"write {path.name}")

    def apply(self, step: Step, change: JsonObject, context: StepContext) -> Receipt:
        path = self._path(step)
        path.write_text("half")
        context.note({"half": True}, "half written")
        if path.with_suffix(".gate").exists():
            path.with_suffix(".gate").read_text()  # a FIFO: waits until somebody writes to it
        if path.with_suffix(".broken").exists():
            raise Failed(Code.COMMAND_FAILED, f"{path.name} broke", hint="take .broken away", evidence={"exit": "1"})
        path.write_text(str(change["text"]))
        return Receipt(f"wrote {path.name}", {"text": change["text"]}, (f"echo > {path.name}",))

    def verify(self, step: Step, change: JsonObject, receipt: Receipt, context: StepContext) -> Receipt:
        del context
        if self._path(step).read_text() != change["text"]:
            raise Failed(Code.VERIFY_FAILED, f"{self._path(step).name} does not read as written")
        return receipt

    def undo(self, step: Step, change: JsonObject, context: StepContext) -> str:
        del context
        path = self._path(step)
        if path.with_suffix(".stuck").exists():
            raise Failed(Code.COMMAND_FAILED, f"{path.name} is stuck")
        if change["before"] is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(str(change["before"]))
        return f"restored {path.name}"

    def let_go(self, step: Step, change: JsonObject, context: StepContext) -> str:
        del change, context
        if self._path(step).with_suffix(".stuck").exists():
            raise Failed(Code.COMMAND_FAILED, f"{self._path(step).name} is stuck")
        return f"{self._path(step).name} is left half written"

    def _path(self, step: Step) -> Path:
        return self._directory / str(step.params["file"])


def step(name: str, *, needs: tuple[str, ...] = (), lane: str = "") -> Step:
    return Step(
        id=StepId(f"write/{name}"),
        action="file.write",
        title=f"Write {name}",
        params={"file": name, "text": f"new {name}"},
        needs=tuple(StepId(f"write/{need}") for need in needs),
        lane=lane,
    )


def plan(subject: str = "c01") -> Plan:
    """A diamond with a lane in the middle and a tail: a; b, c, d (lane of one); e, which is so already; f."""
    middle = tuple(step(name, needs=("a",), lane="narrow") for name in "bcd")
    steps = (step("a"), *middle, step("e", needs=("b", "c", "d")), step("f", needs=("e",)))
    return Plan("file test", subject, "Write six files", steps, lanes={"narrow": 1})


def before(directory: Path) -> None:
    """Lay out the world before: some files exist with other text, one already reads as asked."""
    directory.mkdir()
    (directory / "a").write_text("old a")
    (directory / "c").write_text("old c")
    (directory / "e").write_text("new e")


def content(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(directory.iterdir())}
