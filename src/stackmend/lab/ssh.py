"""OpenSSH's client with the lab's own key and known hosts."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from stackmend.errors import Code
from stackmend.lab import shell
from stackmend.lab.settings import Settings


def argv(settings: Settings, node: str, command: Sequence[str] = (), *, options: Sequence[str] = ()) -> list[str]:
    """Return the call of ssh that runs a command on a node."""
    fixed = ["-F", "/dev/null", "-i", str(settings.state / "ssh_key"), "-o", "IdentitiesOnly=yes"]
    fixed += ["-o", f"UserKnownHostsFile={settings.state / 'known_hosts'}", "-o", "StrictHostKeyChecking=yes"]
    fixed += ["-o", "ConnectTimeout=5", "-o", "LogLevel=ERROR", "-o", "ServerAliveInterval=15"]
    return ["ssh", *fixed, *options, f"root@{settings.address(node)}", *command]


def run(settings: Settings, node: str, script: str, *, timeout: float = 300) -> str:
    """Run a shell script on a node and return its standard output.

    Raises:
        Failed: the node cannot be reached, or the script ended with a status other than 0.
    """
    whole = [*shell.MORTAL, *argv(settings, node, ["sh", "-eu"], options=["-o", "BatchMode=yes"])]
    return shell.run(whole, stdin=script, timeout=timeout, code=Code.LAB_START_FAILED)


def answers(settings: Settings, node: str) -> bool:
    """Return whether a command can be run on a node now."""
    whole = argv(settings, node, ["true"], options=["-o", "BatchMode=yes", "-o", "ConnectTimeout=2"])
    try:
        done = subprocess.run(whole, stdin=subprocess.DEVNULL, capture_output=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
