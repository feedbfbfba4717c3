"""Programs of this machine, run as a node's are: a text in, what it wrote out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import stackmend

# -S, as site-packages take time to look at and are not needed; so the way to our own is told.
_RUN = "import sys, json; sys.path.insert(0, sys.argv[1]); m = __import__(sys.argv[2], fromlist=['main']); "
_RUN += "m.main(json.load(sys.stdin))"


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


def python(module: str, asked: str, environment: Mapping[str, str]) -> Ended:
    """Run one of our modules that need nothing but Python's library, in a process and an environment of its own.

    Args:
        module: whose ``main`` is called.
        asked: what it is given, JSON.
        environment: of the process.
    """
    top = str(Path(stackmend.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _RUN, top, module],
        input=asked,
        capture_output=True,
        check=False,
        encoding="utf-8",
        errors="replace",
        env=dict(environment),
    )
    return Ended(done.returncode, done.stdout, done.stderr)
