"""Programs of this machine, run as a node's are: a text in, what it wrote out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    """A program that ended.

    Attributes:
        status: its exit status.
        stdout: what it wrote, undecodable bytes replaced.
        stderr: what it complained of.
    """

    status: int
    stdout: str
    stderr: str


def python(program: str, environment: Mapping[str, str]) -> Ended:
    """Run a Python program by this interpreter, in a process and an environment of its own; return what came of it."""
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-"],
        input=program,
        capture_output=True,
        check=False,
        encoding="utf-8",
        errors="replace",
        env=dict(environment),
    )
    return Ended(done.returncode, done.stdout, done.stderr)
