"""What a person can decide on a run that waits, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench import Workbench, states
from files import Files, content, plan

from stackmend.domain.run import Kind, RunState, StepState
from stackmend.domain.values import RunId, StepId
from stackmend.engine.claims import Claims
from stackmend.engine.closing import abort
from stackmend.engine.engine import Engine
from stackmend.engine.protocols import Silence
from stackmend.errors import Code, Failed, Refused, StackmendError

D = StepId("write/d")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    made = Workbench.at(tmp_path)
    yield made
    made.journal.close()


def refusal(error: pytest.ExceptionInfo[StackmendError]) -> tuple[Code, str]:
    return error.value.code, error.value.sentence


def test_a_plan_is_carried_out_and_what_is_so_already_is_skipped(bench: Workbench) -> None:
    run = bench.begin()
    assert run.state is RunState.DONE
    assert states(run) == {**dict.fromkeys("abcdf", StepState.DONE), "e": StepState.SKIPPED}
    assert content(bench.files) == {name: f"new {name}" for name in "abcdef"}
    assert run.steps[StepId("write/a")].commands == ("echo > a",)
    assert run.steps[StepId("write/c")].change == {"before": "old c", "text": "new c"}


def test_a_failure_pauses_the_run_with_its_code_hint_and_evidence(bench: Workbench) -> None:
    bench.flag("b.broken")
    run = bench.begin()
    assert run.state is RunState.PAUSED
    assert run.sentence == "1 step failed and waits for a decision"
    error = run.steps[StepId("write/b")].error
    assert error == {
        "code": "command-failed",
        "sentence": "b broke",
        "hint": "take .broken away",
        "evidence": {"exit": "1"},
    }


def test_steps_that_wait_for_a_lane_do_not_start_after_a_failure(bench: Workbench) -> None:
    bench.flag("b.broken")
    run = bench.begin()
    assert states(run) == {"a": StepState.DONE, "b": StepState.FAILED, **dict.fromkeys("cdef", StepState.PENDING)}
    assert all(record.step not in {"write/c", "write/d"} for record in bench.journal.records(run.id))


def test_resume_tries_what_failed_again(bench: Workbench) -> None:
    flag = bench.flag("d.broken")
    run = bench.begin()
    flag.unlink()
    assert bench.engine.resume(run.id).state is RunState.DONE


def test_a_refusal_in_a_step_pauses_too(bench: Workbench) -> None:
    flag = bench.flag("d.refused")
    run = bench.begin()
    assert run.state is RunState.PAUSED
    assert run.steps[D].change is None
    flag.unlink()
    assert bench.engine.retry(run.id, D, {}).state is RunState.DONE


def test_options_of_a_retry_are_journaled_and_stand_for_later_attempts(bench: Workbench) -> None:
    flag = bench.flag("d.broken")
    run = bench.begin()
    run = bench.engine.retry(run.id, D, {"mode": "cold"})
    assert run.steps[D].choice == {"verb": "retry", "options": {"mode": "cold"}}
    flag.unlink()
    run = bench.engine.resume(run.id)
    assert run.steps[D].choice == {"verb": "retry", "options": {"mode": "cold"}}
    assert run.state is RunState.DONE


def test_skip_lets_dependants_go_on_and_undo_still_takes_back_what_was_begun(bench: Workbench) -> None:
    bench.flag("d.broken")
    run = bench.engine.skip(bench.begin().id, D, actor="yuki")
    assert run.state is RunState.DONE
    assert run.steps[D].state is StepState.SKIPPED
    assert run.steps[D].sentence == "yuki chose to go on without it: d is left half written"
    assert run.steps[D].owed == {"before": None, "text": "new d"}


def test_a_skip_that_cannot_end_what_goes_on_leaves_the_step_waiting(bench: Workbench) -> None:
    bench.flag("d.broken")
    stuck = bench.flag("d.stuck")
    run = bench.begin()
    with pytest.raises(Failed, match="d is stuck"):
        bench.engine.skip(run.id, D, actor="yuki")
    assert bench.runs.get(run.id).steps[D].state is StepState.FAILED
    stuck.unlink()
    assert bench.engine.skip(run.id, D, actor="yuki").state is RunState.DONE


def test_an_undo_restores_what_was_there_and_leaves_alone_what_was_never_begun(bench: Workbench) -> None:
    bench.flag("d.broken").unlink()
    flag = bench.flag("f.broken")
    run = bench.begin()
    flag.unlink()
    (bench.files / "e").write_text("somebody else's")
    run = bench.engine.undo(run.id)
    assert run.state is RunState.UNDONE
    assert content(bench.files) == {**bench.world_before, "e": "somebody else's"}


def test_an_undo_that_fails_is_tried_again_by_undo_and_never_goes_forward(bench: Workbench) -> None:
    broken, stuck = bench.flag("f.broken"), bench.flag("c.stuck")
    run = bench.engine.undo(bench.begin().id)
    assert run.state is RunState.UNDOING
    assert states(run)["c"] is StepState.FAILED
    broken.unlink()
    assert bench.engine.resume(run.id).state is RunState.UNDOING
    with pytest.raises(Refused) as error:
        bench.engine.retry(run.id, StepId("write/c"), {})
    assert error.value.code is Code.STEP_NOT_PAUSED
    stuck.unlink()
    assert bench.engine.undo(run.id).state is RunState.UNDONE
    assert content(bench.files) == bench.world_before


def test_abort_closes_the_run_and_names_what_is_left(bench: Workbench) -> None:
    bench.flag("b.broken")
    run = bench.begin()
    left = abort(bench.journal, run.id, actor="yuki")
    assert left == ("write/a: Write a (done): wrote a", "write/b: Write b (begun, perhaps half done): b broke")
    after = bench.runs.get(run.id)
    assert (after.state, after.ended is not None) == (RunState.ABORTED, True)
    with pytest.raises(Refused) as error:
        bench.engine.resume(run.id)
    assert refusal(error) == (Code.RUN_NOT_OPEN, f"run {run.id} is aborted; nothing more can be done with it")


def test_a_second_run_on_a_subject_is_refused_with_the_id_of_the_first(bench: Workbench) -> None:
    bench.flag("b.broken")
    run = bench.begin()
    with pytest.raises(Refused) as error:
        bench.engine.start(plan(), actor="test")
    assert refusal(error) == (Code.NODE_BUSY, f"run {run.id} on c01 is paused: Write six files")
    assert bench.engine.start(plan("c02"), actor="test").plan.subject == "c02"
    abort(bench.journal, run.id, actor="test")
    assert bench.engine.start(plan(), actor="test").id != run.id


def test_a_run_that_another_process_carries_out_is_refused(bench: Workbench) -> None:
    run = bench.engine.start(plan(), actor="test")
    assert run.state is RunState.INTERRUPTED
    with Claims(bench.journal.directory).held(run.id):
        assert bench.runs.get(run.id).state is RunState.RUNNING
        with pytest.raises(Refused) as error:
            bench.engine.carry_out(run.id)
    assert error.value.code is Code.RUN_ALIVE
    assert bench.engine.carry_out(run.id).state is RunState.DONE


def test_a_run_is_taken_up_only_where_it_was_started(bench: Workbench) -> None:
    run = bench.engine.start(plan(), actor="test")
    elsewhere = Engine(bench.journal, Files(bench.files), Silence(), place="elsewhere")
    with pytest.raises(Refused) as error:
        elsewhere.carry_out(run.id)
    assert refusal(error) == (Code.RUN_UNKNOWN, f"run {run.id} was started on here, and this is elsewhere")
    assert elsewhere.start(plan(), actor="test").id != run.id


@pytest.mark.parametrize("step", ["write/a", "write/e"])
def test_steps_that_wait_for_no_decision_are_refused(bench: Workbench, step: str) -> None:
    bench.flag("d.broken")
    run = bench.begin()
    with pytest.raises(Refused) as retried:
        bench.engine.retry(run.id, StepId(step), {})
    with pytest.raises(Refused) as skipped:
        bench.engine.skip(run.id, StepId(step), actor="test")
    assert {retried.value.code, skipped.value.code} == {Code.STEP_NOT_PAUSED}


def test_an_unknown_run_is_refused(bench: Workbench) -> None:
    with pytest.raises(Refused) as error:
        bench.engine.resume(RunId("r-none"))
    assert error.value.code is Code.RUN_UNKNOWN


def test_a_stop_ends_between_steps_and_says_how_to_go_on(bench: Workbench) -> None:
    engine = bench.engine

    class StopAtFirst(Silence):
        def recorded(self, record: object) -> None:
            if getattr(record, "kind", "") is Kind.STEP_APPLIED:
                engine.stop()

    listening = Engine(bench.journal, Files(bench.files), StopAtFirst(), place="here")
    engine = listening
    run = listening.carry_out(listening.start(plan(), actor="test").id)
    assert run.state is RunState.INTERRUPTED
    assert states(run) == {"a": StepState.DONE, **dict.fromkeys("bcdef", StepState.PENDING)}
    assert run.sentence == f"stopped between steps; go on with: stackmend runs resume {run.id}"
    assert bench.engine.resume(run.id).state is RunState.DONE
