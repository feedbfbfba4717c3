"""A traced command is as it would be without: its streams, its signals, its end; where no node can be read, too."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    """An inventory with one node that does not answer."""
    path = tmp_path / "inventory.yaml"
    node = {"address": "127.0.0.1", "ssh": {"port": 1}, "roles": ["controller"]}
    path.write_text(json.dumps({"cloud": "nowhere", "nodes": {"ctl01": node}}))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    return {**kept, "STACKMEND_INVENTORY": str(path), "STACKMEND_STATE": str(tmp_path / "state")}


def trace(env: dict[str, str], *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    code = "from stackmend.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "trace", *words], env=env, input=typed, capture_output=True, text=True,
        timeout=30, check=False,
    )  # fmt: skip


def test_input_output_and_status_are_the_commands_own(nowhere: dict[str, str]) -> None:
    done = trace(nowhere, "--", "sh", "-c", 'cat; echo "-f $1"; echo said >&2; exit 7', "sh", "--wait", typed="typed\n")
    assert (done.returncode, done.stdout) == (7, "typed\n-f --wait\n")
    said, _, answer = done.stderr.partition("\n")
    assert said == "said"
    assert "ended with 7" in answer
    assert "The command ended with 7, and no call of it is known" in answer
    assert "ctl01 was not read: " in answer


def test_the_answer_goes_where_it_is_told_to(nowhere: dict[str, str], tmp_path: Path) -> None:
    done = trace(nowhere, "-f", "json", "-o", str(tmp_path / "answer"), "sh", "-c", "echo out; echo err >&2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "out\n", "err\n")
    answer: dict[str, Any] = json.loads((tmp_path / "answer").read_text())
    assert (answer["way"], answer["command"]["status"], answer["conclusion"]["wrong"]) == ("none", 0, False)
    assert len(answer["remarks"]) == 2
    assert json.loads(trace(nowhere, "-f", "json", "-o", "-", "true").stdout)["command"]["words"] == ["true"]


def test_a_signal_that_ends_the_command_is_told_as_a_shell_does(nowhere: dict[str, str]) -> None:
    assert trace(nowhere, "sh", "-c", "kill -TERM $$").returncode == 128 + signal.SIGTERM
    # What the terminal sends goes to both; the command decides what it means.
    done = trace(nowhere, "sh", "-c", "kill -INT $PPID; echo on")
    assert (done.returncode, done.stdout) == (0, "on\n")


def test_what_would_end_us_is_passed_on(nowhere: dict[str, str]) -> None:
    done = trace(nowhere, "sh", "-c", "trap 'echo told; exit 5' TERM; kill -TERM $PPID; while :; do :; done")
    assert (done.returncode, done.stdout) == (5, "told\n")


def test_what_cannot_be_run_is_a_usage_error(nowhere: dict[str, str], tmp_path: Path) -> None:
    done = trace(nowhere, "no-such-command")
    assert (done.returncode, "no-such-command cannot be run: No such file" in done.stderr) == (2, True)
    done = trace(nowhere, "-o", str(tmp_path / "no/where"), "sh", "-c", "echo run")
    assert (done.returncode, done.stdout) == (2, "")
    nowhere["STACKMEND_INVENTORY"] = str(tmp_path / "none.yaml")
    done = trace(nowhere, "sh", "-c", "echo run")
    assert (done.returncode, done.stdout) == (3, "")
