"""Start a program that goes on after this one: as a unit where systemd runs the machine, detached elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stackmend.errors import Code
from stackmend.lab import shell


def systemd_is_init() -> bool:
    """Return whether systemd runs this machine."""
    return Path("/run/systemd/system").is_dir()


def detached(argv: Sequence[str], *, name: str, log: Path, properties: Sequence[str] = ()) -> None:
    """Start a program and return at once.

    Args:
        argv: the program and its arguments.
        name: of its unit, after ``stackmend-lab-``.
        log: file that its output is appended to.
        properties: of the unit, each ``NAME=VALUE``.

    Raises:
        Failed: it could not be started.
    """
    if not systemd_is_init():
        # a child of nobody here, so that no zombie stays with whoever gave the power
        shell.run(["setsid", "--fork", *argv], log=log, code=Code.LAB_START_FAILED)
        return
    unit = ["systemd-run", "--quiet", "--collect", f"--unit=stackmend-lab-{name}"]
    unit += [
        f"--property={one}" for one in (f"StandardOutput=append:{log}", f"StandardError=append:{log}", *properties)
    ]
    shell.run([*unit, *argv], code=Code.LAB_START_FAILED)
