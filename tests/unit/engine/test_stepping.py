"""One step's way: bugs, secrets, lanes, and what a step is given."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench import states
from files import Files, before, plan, step

from stackmend.domain.outcome import Choice, Do, Receipt, Skip, Withdrawn
from stackmend.domain.plan import Plan, Step
from stackmend.domain.run import Kind, Run, RunState, StepState
from stackmend.domain.values import JsonObject, RunId, Secret, StepId
from stackmend.engine.context import StepContext
from stackmend.engine.engine import Engine
from stackmend.engine.journal import Journal
from stackmend.engine.protocols import Performer, Silence
from stackmend.engine.reading import Runs
from stackmend.errors import Code, Failed


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    before(tmp_path / "files")
    made = Journal(tmp_path / "state")
    yield made
    made.close()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return tmp_path / "files"


def carried_out(journal: Journal, performer: Performer, what: Plan) -> Run:
    engine = Engine(journal, performer, Silence())
    return engine.carry_out(engine.start(what, actor="test").id)


class Bug(Files):
    """Fails in a way that nobody foresaw."""

    def apply(self, step: Step, change: JsonObject, context: StepContext) -> Receipt:
        del step, change, context
        nothing: dict[str, str] = {}
        return Receipt(nothing["what was never there"])


class Leak(Files):
    """Puts a secret where it does not belong."""

    def prepare(self, step: Step, context: StepContext) -> Do | Skip:
        del step, context
        leaked: Any = {"password": Secret("swordfish")}
        return Do(leaked, "leak it")


def test_a_bug_in_an_action_fails_its_step_and_pauses_the_run(journal: Journal, files: Path) -> None:
    run = carried_out(journal, Bug(files), plan())
    assert run.state is RunState.PAUSED
    error: Any = run.steps[StepId("write/a")].error
    assert error["code"] == Code.STEP_CRASHED
    assert "what was never there" in error["evidence"]["traceback"]


def test_a_secret_does_not_reach_the_journal(journal: Journal, files: Path, tmp_path: Path) -> None:
    run = carried_out(journal, Leak(files), plan())
    error: Any = run.steps[StepId("write/a")].error
    assert error["code"] == Code.STEP_CRASHED
    assert run.steps[StepId("write/a")].change is None
    journal.close()
    assert all(b"swordfish" not in path.read_bytes() for path in (tmp_path / "state").glob("journal*"))


class Overlap(Files):
    """Verifies one step only while the next one is being applied."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.applying = threading.Event()
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def apply(self, step: Step, change: JsonObject, context: StepContext) -> Receipt:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        if step.id == "write/c":
            self.applying.set()
        done = super().apply(step, change, context)
        with self._lock:
            self._now -= 1
        return done

    def verify(self, step: Step, change: JsonObject, receipt: Receipt, context: StepContext) -> Receipt:
        if step.id == "write/b" and not self.applying.wait(timeout=5):
            raise Failed(Code.VERIFY_FAILED, "c was not applied while b was verified")
        return super().verify(step, change, receipt, context)


def test_a_lane_is_held_while_a_change_is_made_and_not_while_it_is_verified(journal: Journal, files: Path) -> None:
    performer = Overlap(files)
    assert carried_out(journal, performer, plan()).state is RunState.DONE
    assert performer.most == 1


class Together(Files):
    """Applies a step only when both are being applied."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._both = threading.Barrier(2, timeout=5)

    def apply(self, step: Step, change: JsonObject, context: StepContext) -> Receipt:
        self._both.wait()
        return super().apply(step, change, context)


def test_steps_that_need_nothing_of_each_other_run_at_once(journal: Journal, files: Path) -> None:
    what = replace(plan(), steps=(step("x", lane="wide"), step("y", lane="wide")), lanes={"wide": 2})
    assert carried_out(journal, Together(files), what).state is RunState.DONE


class Queued(Files):
    """x fails once y has been begun; y waits in a queue of the world's, until the run stops."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.begun = threading.Event()
        self.order: list[str] = []

    def apply(self, step: Step, change: JsonObject, context: StepContext) -> Receipt:
        self.order.append(step.id[-1])
        if step.id == "write/x" and not (self.begun.wait(timeout=5) and context.choice):
            raise Failed(Code.COMMAND_FAILED, "x broke")
        if step.id == "write/y" and not context.stopping:
            self.begun.set()
            while not context.stopping:
                threading.Event().wait(0.01)
            raise Withdrawn("y is taken out of the queue")
        return super().apply(step, change, context)


AHEAD = tuple(replace(step(name, lane="narrow"), ahead=name != "z") for name in "xyz")


def test_a_step_goes_ahead_in_a_full_lane_and_is_withdrawn_when_the_run_stops(journal: Journal, files: Path) -> None:
    performer = Queued(files)
    run = carried_out(journal, performer, replace(plan(), steps=AHEAD, lanes={"narrow": 1}))
    assert sorted(performer.order) == ["x", "y"]
    assert run.state is RunState.PAUSED
    assert states(run) == {"x": StepState.FAILED, "y": StepState.PENDING, "z": StepState.PENDING}
    withdrawn = run.steps[StepId("write/y")]
    assert (withdrawn.sentence, withdrawn.owed) == ("y is taken out of the queue", None)


class Curious(Files):
    """Keeps what its second attempt is given."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.seen: tuple[JsonObject | None, tuple[JsonObject, ...], Choice | None] | None = None
        self.fresh: tuple[JsonObject, ...] | None = None

    def prepare(self, step: Step, context: StepContext) -> Do | Skip:
        self.seen = (context.former_change, context.notes, context.choice)
        return super().prepare(step, context)

    def verify(self, step: Step, change: JsonObject, receipt: Receipt, context: StepContext) -> Receipt:
        self.fresh = context.notes
        return super().verify(step, change, receipt, context)


def test_a_retry_is_given_the_former_change_its_notes_and_the_choice(journal: Journal, files: Path) -> None:
    (files / "a.broken").touch()
    performer = Curious(files)
    run = carried_out(journal, performer, plan())
    (files / "a.broken").unlink()
    Engine(journal, performer, Silence()).retry(run.id, StepId("write/a"), {"mode": "cold"})
    first = next(r for r in journal.records(run.id) if r.kind is Kind.STEP_NOTE)
    assert first.data == {"half": True}
    assert performer.fresh == ({"half": True},)
    seen_by_a = [r.data["change"] for r in journal.records(run.id, step=StepId("write/a")) if "change" in r.data]
    assert seen_by_a == [{"before": "old a", "text": "new a"}] * 2


class Small(Journal):
    """A journal on a disk that is nearly full."""

    def fill(self, run: RunId) -> None:
        """Let the file grow no more, and use up what is free in its pages."""
        pages = self._connection.execute("PRAGMA page_count").fetchone()[0]
        self._connection.execute(f"PRAGMA max_page_count={pages}")
        with suppress(Failed):
            while True:
                self.append(run, Kind.RUN_RESUMED, StepId(""), "fill", {})

    def make_room(self) -> None:
        """Let the file grow again."""
        self._connection.execute("PRAGMA max_page_count=1000000")


def test_a_full_disk_ends_the_run_as_a_kill_would_and_it_is_resumed(files: Path, tmp_path: Path) -> None:
    before(files)
    journal = Small(tmp_path / "state")
    run = Engine(journal, Files(files), Silence()).start(plan(), actor="test")
    journal.fill(run.id)
    with pytest.raises(Failed, match="is full") as error:
        Engine(journal, Files(files), Silence()).carry_out(run.id)
    assert error.value.code is Code.JOURNAL_UNUSABLE
    assert Runs(journal).get(run.id).state is RunState.INTERRUPTED
    journal.make_room()
    assert Engine(journal, Files(files), Silence()).resume(run.id).state is RunState.DONE
    journal.close()


@pytest.mark.parametrize(
    ("steps", "lanes", "words"),
    [
        ((step("a"), step("a")), {}, "two steps of the plan have one id"),
        ((step("a", needs=("z",)),), {}, "needs write/z, which the plan does not have"),
        ((step("a", lane="narrow"),), {}, "for which the plan gives no width"),
        ((step("a", needs=("b",)), step("b", needs=("a",))), {}, "cycle"),
    ],
)
def test_a_plan_that_cannot_be_scheduled_is_no_run(
    journal: Journal, files: Path, steps: tuple[Step, ...], lanes: dict[str, int], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Engine(journal, Files(files), Silence()).start(replace(plan(), steps=steps, lanes=lanes), actor="test")
    assert journal.run_ids() == ()
