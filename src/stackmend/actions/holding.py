"""How a unit is kept from starting, and let go: an owner file on the node, and a drop-in that asserts its absence.

The drop-in works where ``systemctl mask`` does not (a unit file of the operator's own in /etc/systemd/system), survives
a reboot, keeps whether the unit is enabled, and shows owner and reason in ``systemctl status``. The owner file is the
one truth: without it the drop-in lets the unit start. See docs/adr/0003-holding-a-unit.md.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from stackmend.adapters.world import World
from stackmend.domain.health import Held, UnitState
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Failed
from stackmend.facts import units

STOP_SECONDS = 300.0
"""How long a unit may take to stop: nova-compute's graceful shutdown alone may take 180."""

START_SECONDS = 90.0

_PUT = """set -e
mkdir -p {directory} {drop_ins}
printf '%s\\n' {owner} >{file}.new
mv {file}.new {file}
printf '%s\\n' {drop_in} >{drop_ins}/zz-stackmend-held.conf
sync -f {file} {drop_ins}/zz-stackmend-held.conf
systemctl daemon-reload
systemctl stop --no-block {unit}"""

_LIFT = """set -e
rm -f {drop_ins}/zz-stackmend-held.conf
rmdir --ignore-fail-on-non-empty {drop_ins} 2>/dev/null || true
systemctl daemon-reload
systemctl reset-failed {unit} 2>/dev/null || true"""


def put(world: World, node: NodeName, held: Held, progress: Callable[[str], None]) -> None:
    """Keep a unit from starting, and stop it; return when it has stopped. May be repeated.

    Raises:
        Failed: SERVICE_NOT_STOPPED.
    """
    world.ssh.run(node, _PUT.format(owner=shlex.quote(json.dumps(held.to_json())), **_names(held)))
    name = held.unit

    def stopped() -> UnitState | None:
        now = units.state(world, node, name)
        progress(f"{name} on {node} is {now.active} ({now.sub})")
        return now if now.active in {"inactive", "failed"} else None

    now = world.clock.wait_for(stopped, timeout=STOP_SECONDS, interval=1.0)
    if now is None:
        raise Failed(
            Code.SERVICE_NOT_STOPPED,
            f"{name} on {node} did not stop within {STOP_SECONDS:.0f} s",
            hint=f"look at `systemctl status {name}` and its processes on the node",
            evidence={"host": node, "unit": name},
        )
    if now.active == "failed":
        world.ssh.run(node, f"systemctl reset-failed {shlex.quote(name)}", check=False)


def lift(world: World, node: NodeName, held: Held, progress: Callable[[str], None]) -> None:
    """Let a unit start again, and start it where it ran before; the owner file stays. May be repeated.

    Raises:
        Failed: SERVICE_NOT_STARTED with the last lines of its journal.
    """
    world.ssh.run(node, _LIFT.format(**_names(held)))
    if not ran(held):
        return
    world.ssh.run(node, f"systemctl start --no-block {shlex.quote(held.unit)}")

    def settled() -> UnitState | None:
        now = units.state(world, node, held.unit)
        progress(f"{held.unit} on {node} is {now.active} ({now.sub})")
        return now if now.active in {"active", "failed"} else None

    now = world.clock.wait_for(settled, timeout=START_SECONDS, interval=1.0)
    if now is None or now.active != "active":
        raise not_started(world, node, held.unit, now)


def forget(world: World, node: NodeName, unit: str) -> None:
    """Remove a unit's owner file, which ends the hold."""
    world.ssh.run(node, f"rm -f {shlex.quote(units.owner_file(unit))}")


def ran(held: Held) -> bool:
    """Return whether the unit ran before it was held."""
    return held.active in {"active", "activating", "reloading"}


def run_hooks(world: World, node: NodeName, hooks: Iterable[Mapping[str, Any]], verb: str) -> tuple[str, ...]:
    """Run the ``disable`` or ``enable`` lines of configuration management agents; return them.

    Raises:
        Failed: COMMAND_FAILED with the name of the agent.
    """
    lines = []
    for hook in hooks:
        done = world.ssh.run(node, hook[verb], timeout=120, check=False)
        lines.append(hook[verb])
        if done.status != 0:
            raise Failed(
                Code.COMMAND_FAILED,
                f"{hook['name']} on {node} did not {verb}: `{hook[verb]}` ended with status {done.status}",
                hint="run it by hand, then retry; or correct the hook in the inventory",
                evidence={"host": node, "command": hook[verb], "stderr": done.stderr[-500:]},
            )
    return tuple(lines)


def not_started(world: World, node: NodeName, unit: str, now: UnitState | None) -> Failed:
    """Return the error that a unit did not start, with the last lines of its journal."""
    journal = world.ssh.run(node, f"journalctl -q -o cat -n 8 -u {shlex.quote(unit)}", check=False).stdout
    how = f"is {now.active} ({now.sub})" if now is not None else f"was not active within {START_SECONDS:.0f} s"
    return Failed(
        Code.SERVICE_NOT_STARTED,
        f"{unit} on {node} {how}",
        hint=f"read `journalctl -u {unit}` on the node",
        evidence={"host": node, "unit": unit, "journal": journal[-1000:]},
    )


def _names(held: Held) -> dict[str, str]:
    # A per cent sign begins one of systemd's specifiers, and a line break would begin another directive.
    why = " ".join(f"held by stackmend {held.owner}: {held.reason} (since {held.since})".split()).replace("%", "%%")
    drop_in = f"[Unit]\nDescription={held.unit} {why}\nAssertPathExists=!{units.owner_file(held.unit)}"
    return {
        "unit": shlex.quote(held.unit),
        "file": shlex.quote(units.owner_file(held.unit)),
        "directory": units.HELD_DIRECTORY,
        "drop_ins": shlex.quote(f"/etc/systemd/system/{held.unit}.d"),
        "drop_in": shlex.quote(drop_in),
    }
