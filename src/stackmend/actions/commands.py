"""Run an operator's command on a node so that neither a lost connection nor stackmend's own death ends it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Unpack

from stackmend.actions.base import Action, Context
from stackmend.actions.steps import Place, on_node
from stackmend.adapters.world import World
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.values import JsonObject, NodeName
from stackmend.errors import Code, Failed, StackmendError

COMMAND_SECONDS = 6 * 3600.0
"""How long a command is waited for by default."""

DIRECTORY = "/var/lib/stackmend/commands"
"""Where the output and the exit status of each command are kept on the node."""

_AWAY = frozenset({Code.SSH_UNREACHABLE, Code.COMMAND_LOST, Code.COMMAND_TIMEOUT})

_START = """set -e
mkdir -p -m 700 {directory}
cd {directory}
if [ ! -e started ] && ! systemctl is-active --quiet {unit}; then
  printf '%s\\n' {script} >run.sh
  systemctl reset-failed {unit} 2>/dev/null || true
  systemd-run --quiet --collect --unit={unit} --description={what} sh {directory}/run.sh
fi"""

_RUN = """cd /root
export HOME=/root
: >{directory}/started
{line} >{directory}/output 2>&1
echo $? >{directory}/status.new
mv {directory}/status.new {directory}/status"""
# The start is marked before anything runs and the exit status is written last, so that the files alone tell "not yet",
# "ended" and "begun and lost" apart, even after a reboot. A script in a file, because systemd expands $ in arguments.

_LOOK = """cd {directory} 2>/dev/null || exit 0
[ -e started ] && echo started=yes
systemctl is-active --quiet {unit} && echo active=yes
[ -e status ] && echo "status=$(cat status)"
[ -e output ] && {{ echo "size=$(stat -c %s output)"; echo tail=; tail -c 2000 output; }}
true"""


@dataclass(frozen=True)
class _Seen:
    """What the node tells of a command: whether it began, runs, ended, and the end of its output."""

    started: bool
    active: bool
    status: int | None
    tail: str


class RunCommand(Action):
    """Run a command on a node as a transient systemd unit, its output in a file there, its exit status read back.

    A retry runs it again where it has ended or is lost, and waits on where it still runs. Parameters: node, argv, name
    (makes the unit's name unique in the run), timeout (seconds). Change: node, argv, unit, timeout, attempt.
    """

    name = "node.command"

    @classmethod
    def step(
        cls, node: NodeName, argv: tuple[str, ...], *, timeout: float = COMMAND_SECONDS, **place: Unpack[Place]
    ) -> Step:
        """Return the step that runs ``argv`` on a node and waits at most ``timeout`` seconds for its end."""
        line = shlex.join(argv)
        params = {"node": node, "argv": list(argv), "name": place.get("id", "command"), "timeout": timeout}
        return on_node(cls.name, f"Run `{line}` on {node}", params, (line,), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Choose the unit's name; a retry of what has ended gets one of its own."""
        former = context.former_change
        if former is not None and _still_runs(world, former):
            return Do({**former, "timeout": params["timeout"]}, f"go on waiting for {former['unit']}")
        attempt = 1 if former is None else int(str(former["attempt"])) + 1
        unit = re.sub(r"[^A-Za-z0-9]+", "-", f"stackmend-{context.run_id}-{params['name']}-{attempt}")
        change: dict[str, Any] = {
            "node": params["node"],
            "argv": params["argv"],
            "unit": f"{unit}.service",
            "timeout": params["timeout"],
            "attempt": attempt,
        }
        return Do(change, f"run `{shlex.join(params['argv'])}` on {params['node']}")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Start it where it has not begun, and wait for its end; a running one is waited for again."""
        started = world.clock.monotonic()
        _start(world, change)
        seen = self._wait(world, change, context)
        if seen.status != 0:
            raise _failed(change, seen)
        seconds = world.clock.monotonic() - started
        line = shlex.join(change["argv"])
        data: JsonObject = {
            "status": 0,
            "seconds": round(seconds, 1),
            "output": seen.tail,
            "file": f"{_directory(change)}/output",
        }
        return Receipt(f"`{line}` on {change['node']} ended with status 0", data, (line,))

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Say that a command cannot be undone."""
        return f"what `{shlex.join(change['argv'])}` did on {change['node']} cannot be taken back"

    def _wait(self, world: World, change: dict[str, Any], context: Context) -> _Seen:
        def ended() -> _Seen | None:
            seen = _look(world, change)
            if seen is None:
                context.progress(f"{change['node']} does not answer; the command may go on there")
                return None
            last = seen.tail.strip().splitlines()[-1:]
            context.progress(f"running on {change['node']}: {last[0] if last else '(no output yet)'}")
            return seen if seen.status is not None or not seen.active else None

        seen = world.clock.wait_for(ended, timeout=float(change["timeout"]), interval=1.0)
        if seen is None:
            raise _late(change)
        if seen.status is None:
            # Between the look at the files and the end of the unit the status may have been written.
            seen = _look(world, change)
        if seen is None or seen.status is None:
            raise _lost(change)
        return seen


def _start(world: World, change: dict[str, Any]) -> None:
    """Start the command unless it has begun; a connection that breaks meanwhile leaves the answer to the next look."""
    directory, line = _directory(change), shlex.join(change["argv"])
    script = _START.format(
        directory=directory,
        unit=change["unit"],
        script=shlex.quote(_RUN.format(directory=directory, line=line)),
        what=shlex.quote(f"stackmend: {line}".replace("%", "%%")),
    )
    world.ssh.run(NodeName(change["node"]), script)


def _still_runs(world: World, change: Mapping[str, Any]) -> bool:
    seen = _look(world, change)
    return seen is not None and seen.active and seen.status is None


def _look(world: World, change: Mapping[str, Any]) -> _Seen | None:
    """Return what the node tells of the command; None while it does not answer."""
    script = _LOOK.format(directory=_directory(change), unit=change["unit"])
    try:
        text = world.ssh.run(NodeName(change["node"]), script).stdout
    except StackmendError as error:
        if error.code not in _AWAY:
            raise
        return None
    head, _, tail = text.partition("tail=\n")
    shown = dict(line.split("=", 1) for line in head.splitlines() if "=" in line)
    status = shown.get("status", "")
    return _Seen("started" in shown, "active" in shown, int(status) if status else None, tail)


def _directory(change: Mapping[str, Any]) -> str:
    return f"{DIRECTORY}/{change['unit'].removesuffix('.service')}"


def _evidence(change: dict[str, Any]) -> dict[str, str]:
    return {
        "host": change["node"],
        "command": shlex.join(change["argv"]),
        "unit": change["unit"],
        "output file": f"{_directory(change)}/output",
    }


def _failed(change: dict[str, Any], seen: _Seen) -> Failed:
    return Failed(
        Code.COMMAND_FAILED,
        f"`{shlex.join(change['argv'])}` on {change['node']} ended with status {seen.status}",
        hint="retry runs it again; skip goes on without it",
        evidence={**_evidence(change), "status": str(seen.status), "output": seen.tail},
    )


def _lost(change: dict[str, Any]) -> Failed:
    return Failed(
        Code.COMMAND_LOST,
        f"`{shlex.join(change['argv'])}` began on {change['node']} and runs no more; whether it finished is not known",
        hint="look at its output on the node; retry runs it again, skip goes on",
        evidence=_evidence(change),
    )


def _late(change: dict[str, Any]) -> Failed:
    return Failed(
        Code.COMMAND_TIMEOUT,
        f"`{shlex.join(change['argv'])}` on {change['node']} did not end within {float(change['timeout']):.0f} s",
        hint=f"it may still run there: `systemctl status {change['unit']}`; retry goes on waiting",
        evidence=_evidence(change),
    )
