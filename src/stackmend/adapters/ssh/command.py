"""A script to be run on a node: how it is sent, and what came of it.

The remote shell reads the whole script from its standard input before it runs any of it, and what arrives only in part
is no valid script. So a connection that breaks while the script is being sent has started nothing, scripts may have any
length, and nothing of them shows in the node's process list.
"""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass

from stackmend.domain.values import NodeName
from stackmend.errors import Code, Failed

_READ_THEN_RUN = "'PATH=$PATH:/usr/sbin:/sbin; eval \"$(cat)\"'"
_TIMED_OUT = frozenset({124, 137})
"""Exit statuses of timeout(1): its own, and that of a command it had to kill."""


@dataclass(frozen=True)
class Completed:
    """A script that ended on a node.

    Attributes:
        node: where it ran.
        status: its exit status; -1 where a signal ended it.
        stdout: what it wrote, undecodable bytes replaced.
        stderr: what it complained of.
    """

    node: NodeName
    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Command:
    """A script and the limits it runs under.

    Attributes:
        node: where it is to run.
        script: for ``sh``, in the C locale.
        timeout: seconds, after which timeout(1) on the node ends it, so that nothing is left behind.
        stdin: what the script may read; its standard input is at its end otherwise.
        sudo: whether it runs by ``sudo -n``.
    """

    node: NodeName
    script: str
    timeout: float
    stdin: str = ""
    sudo: bool = False

    @property
    def line(self) -> str:
        """Return the command line that waits for the script."""
        prefix = "sudo -n " if self.sudo else ""
        return f"{prefix}timeout -k 5 {math.ceil(self.timeout)} env LC_ALL=C sh -c {_READ_THEN_RUN}"

    @property
    def fed_line(self) -> str:
        """Return the command line that runs the script at once, so that its standard input is free for bytes."""
        prefix = "sudo -n " if self.sudo else ""
        script = shlex.quote(f"PATH=$PATH:/usr/sbin:/sbin; {self.script}")
        return f"{prefix}timeout -k 5 {math.ceil(self.timeout)} env LC_ALL=C sh -c {script}"

    @property
    def text(self) -> str:
        """Return what is sent for it to read: the script in braces, with its input as a here document."""
        if not self.stdin:
            return f"{{ :\n{self.script}\n}}\n"
        end = "STACKMEND_END_OF_INPUT"
        newline = "" if self.stdin.endswith("\n") else "\n"
        return f"{{ {{ :\n{self.script}\n}} <<'{end}'\n{self.stdin}{newline}{end}\n}}\n"

    @property
    def label(self) -> str:
        """Return the script's first line, shortened, for errors."""
        first = next((line.strip() for line in self.script.splitlines() if line.strip()), "")
        return first if len(first) <= 120 else first[:119] + "…"  # noqa: PLR2004

    def timed_out(self) -> Failed:
        """Return the error that the script took too long."""
        return Failed(
            Code.COMMAND_TIMEOUT,
            f"a command on {self.node} did not end within {self.timeout:g} seconds",
            evidence={"host": self.node, "command": self.label, "timeout": f"{self.timeout:g} s"},
        )

    def judge(self, completed: Completed, seconds: float, *, check: bool) -> Completed:
        """Return what came of the script, or raise what is wrong with it.

        Args:
            completed: how it ended.
            seconds: how long it ran.
            check: whether a status other than 0 is an error.

        Raises:
            Failed: COMMAND_TIMEOUT, SSH_AUTH where sudo asked for a password, COMMAND_FAILED with ``check``.
        """
        if completed.status in _TIMED_OUT and seconds >= self.timeout:
            raise self.timed_out()
        if self.sudo and completed.status == 1 and completed.stderr.startswith("sudo: "):
            raise Failed(
                Code.SSH_AUTH,
                f"sudo on {self.node} refused: {completed.stderr.splitlines()[0]}",
                hint="allow the login user to run commands by 'sudo -n', without a password",
                evidence={"host": self.node, "stderr": tail(completed.stderr)},
            )
        if check and completed.status != 0:
            raise self.failed(completed)
        return completed

    def failed(self, completed: Completed) -> Failed:
        """Return the error that the script ended with a status other than 0."""
        said = tail(completed.stderr, lines=1)
        return Failed(
            Code.COMMAND_FAILED,
            f"a command on {self.node} ended with status {completed.status}" + (f": {said}" if said else ""),
            evidence={
                "host": self.node,
                "command": self.label,
                "status": str(completed.status),
                "stderr": tail(completed.stderr),
            },
        )


def tail(text: str, *, lines: int = 5) -> str:
    """Return the last lines that say something."""
    return "\n".join([line.rstrip() for line in text.splitlines() if line.strip()][-lines:])
