"""Ctrl-C ends a run between steps, a second one at once; both leave a run that is resumed to the same end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bench import Workbench, states
from files import content
from test_kills import PROGRAM, WORLD_AFTER

from stackmend.cli.wiring import SECOND_SIGNAL_STATUS, STOPPING
from stackmend.domain.run import RunState, StepState

Program = subprocess.Popen[str]


@contextmanager
def waiting_in_a(directory: Path) -> Iterator[tuple[Workbench, Program, Path]]:
    """Give a program that is applying step a, and the gate whose writer lets it go on."""
    bench = Workbench.at(directory)
    gate = bench.files / "a.gate"
    os.mkfifo(gate)
    command = [sys.executable, str(PROGRAM), str(directory / "state"), str(bench.files), "start"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        yield bench, program, gate
    bench.journal.close()


def test_the_first_signal_ends_the_run_between_steps(tmp_path: Path) -> None:
    with waiting_in_a(tmp_path) as (bench, program, gate):
        with gate.open("w"):  # opens when the step waits there
            program.send_signal(signal.SIGINT)
            assert program.stderr is not None
            assert program.stderr.readline() == "\n"
            assert program.stderr.readline() == STOPPING.decode().lstrip()
        assert program.wait() == 0
        run = bench.runs.latest()[0]
        assert run.state is RunState.INTERRUPTED
        assert states(run) == {"a": StepState.DONE, **dict.fromkeys("bcdef", StepState.PENDING)}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_second_signal_ends_it_at_once_and_a_resume_takes_up_the_step(tmp_path: Path, number: int) -> None:
    with waiting_in_a(tmp_path) as (bench, program, gate):
        with gate.open("w"):
            program.send_signal(number)
            assert program.stderr is not None
            program.stderr.readline()
            program.send_signal(number)
            assert program.wait() == SECOND_SIGNAL_STATUS
        run = bench.runs.latest()[0]
        assert (run.state, states(run)["a"]) == (RunState.INTERRUPTED, StepState.RUNNING)
        gate.unlink()
        command = [sys.executable, str(PROGRAM), str(tmp_path / "state"), str(bench.files), "resume", run.id]
        subprocess.run(command, check=True, timeout=60)
        assert bench.runs.get(run.id).state is RunState.DONE
        assert content(bench.files) == WORLD_AFTER
