"""The one way the lab runs programs: by list, captured, with a failure that says what, where and why."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from stackmend.errors import Code, Failed

TAIL = 1500
"""How many characters at the end of stderr an error keeps."""
MORTAL = ("setpriv", "--pdeathsig", "KILL")
"""Runs a program that ends with the process that started it, even where that is killed."""


def run(
    argv: Sequence[str],
    *,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
    timeout: float | None = None,
    code: Code = Code.COMMAND_FAILED,
) -> str:
    """Run a program to its end and return its standard output.

    Args:
        argv: the program and its arguments; arguments carry no secrets, since errors show them.
        stdin: text for its standard input; where None, it reads end-of-file.
        env: variables set on top of this process's own.
        log: file that output and errors are appended to instead of being returned.
        timeout: seconds after which it is killed.
        code: code of the error.

    Raises:
        Failed: the program is missing, ran out of time, or ended with a status other than 0.
    """
    shown = " ".join(argv)[:300]
    try:
        if log is None:
            done = _call(argv, stdin, env, subprocess.PIPE, timeout)
        else:
            with log.open("a") as sink:
                done = _call(argv, stdin, env, sink, timeout)
    except FileNotFoundError as error:
        raise Failed(code, f"{argv[0]} is not installed", evidence={"command": shown}) from error
    except subprocess.TimeoutExpired as error:
        raise Failed(code, f"{argv[0]} did not end within {timeout} s", evidence={"command": shown}) from error
    if done.returncode != 0:
        stderr = done.stderr if log is None else _tail(log)
        raise Failed(
            code,
            f"{argv[0]} ended with status {done.returncode}",
            hint=f"Its output is in {log}." if log else "",
            evidence={"command": shown, "status": str(done.returncode), "stderr": (stderr or "").strip()[-TAIL:]},
        )
    return done.stdout or ""


def search_path() -> str:
    """Return where programs are looked for: as the process has it, and in the administrator's folders."""
    return os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin"


def _call(
    argv: Sequence[str], stdin: str | None, env: Mapping[str, str] | None, sink: object, timeout: float | None
) -> subprocess.CompletedProcess[str]:
    feed = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        list(argv),
        **feed,
        stdout=sink,
        stderr=subprocess.PIPE if sink is subprocess.PIPE else subprocess.STDOUT,
        env={**os.environ, "PATH": search_path(), **(env or {})},
        text=True,
        timeout=timeout,
        check=False,
    )


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL))
        return file.read().decode(errors="replace")
