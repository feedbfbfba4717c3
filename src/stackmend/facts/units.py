"""Systemd units on a node: their state, and which of them stackmend keeps from starting."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable

from stackmend.adapters.world import World
from stackmend.domain.health import Held, UnitState
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Refused
from stackmend.facts.times import of_systemd

HELD_DIRECTORY = "/etc/stackmend/held"
"""Where a node keeps one owner file for each unit that is held; see docs/adr/0003-holding-a-unit.md."""

NOVA_COMPUTE = ("nova-compute.service", "openstack-nova-compute.service", "devstack@n-cpu.service")
"""Names of the unit: Debian and Ubuntu, RDO, devstack."""

_PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,UnitFileState,FragmentPath,DropInPaths,User,MainPID,ControlGroup,NRestarts,"
    "ActiveEnterTimestamp,NeedDaemonReload"
)

_SHOW = r"""
TZ=UTC systemctl show -p {properties} -- {unit}
group=$(systemctl show -p ControlGroup -- {unit} | cut -d= -f2-)
for top in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
  procs="$top$group/cgroup.procs"
  if [ -n "$group" ] && [ "$group" != / ] && [ -e "$procs" ]; then
    echo "Pids=$(find "$top$group" -name cgroup.procs -exec cat {{}} + 2>/dev/null | sort -un | tr '\n' ' ')"; break
  fi
done
pid=$(systemctl show -p MainPID -- {unit} | cut -d= -f2)
[ "${{pid:-0}}" = 0 ] || echo "Process=$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -c1)"
"""


def state(world: World, node: NodeName, unit: str) -> UnitState:
    """Return what systemd on a node says of a unit (``systemctl show``), with its processes from its control group.

    Raises:
        Failed: the node could not be asked.
    """
    script = _SHOW.format(properties=_PROPERTIES, unit=shlex.quote(unit))
    shown = dict(line.split("=", 1) for line in world.ssh.run(node, script).stdout.splitlines() if "=" in line)
    return UnitState(
        name=shown.get("Id") or unit,
        load=shown.get("LoadState", ""),
        active=shown.get("ActiveState", ""),
        sub=shown.get("SubState", ""),
        file=shown.get("UnitFileState", ""),
        fragment=shown.get("FragmentPath", ""),
        drop_ins=tuple(shown.get("DropInPaths", "").split()),
        user=shown.get("User", ""),
        main_pid=int(shown.get("MainPID") or 0),
        pids=tuple(int(p) for p in shown.get("Pids", "").split()),
        process=shown.get("Process", ""),
        restarts=int(shown.get("NRestarts") or 0),
        since=of_systemd(shown.get("ActiveEnterTimestamp", "")),
        reload_needed=shown.get("NeedDaemonReload") == "yes",
    )


def find(world: World, node: NodeName, candidates: Iterable[str]) -> UnitState:
    """Return the state of the first of several units that the node has.

    Raises:
        Refused: NODE_WRONG_ROLE where it has none of them.
        Failed: the node could not be asked.
    """
    names = tuple(candidates)
    for name in names:
        found = state(world, node, name)
        if found.load != "not-found":
            return found
    raise Refused(
        Code.NODE_WRONG_ROLE,
        f"{node} has none of the units {', '.join(names)}",
        hint="name the unit, or correct the node's roles in the inventory",
    )


def held(world: World, node: NodeName) -> tuple[Held, ...]:
    """Return the units that stackmend holds on a node, by their owner files.

    Raises:
        Failed: the node could not be asked.
    """
    script = f"""
cd {HELD_DIRECTORY} 2>/dev/null || exit 0
for f in *.json; do [ -e "$f" ] && {{ printf '%s\\t' "${{f%.json}}"; tr -d '\\n' <"$f"; echo; }}; done; true"""
    lines = world.ssh.run(node, script).stdout.splitlines()
    return tuple(parse_held(*line.split("\t", 1)) for line in lines)


def held_unit(world: World, node: NodeName, unit: str) -> Held | None:
    """Return who holds one unit; None where nobody does."""
    return next((h for h in held(world, node) if h.unit == unit), None)


def strays(world: World, node: NodeName, unit: str) -> tuple[int, ...]:
    """Return processes that run a unit's program, whoever started them (the guide's ``ps aux | grep``).

    Args:
        world: the cloud.
        node: where.
        unit: such as ``openstack-nova-compute.service``; its program is taken to be ``nova-compute``.
    """
    program = re.escape(unit.removesuffix(".service").removeprefix("openstack-"))
    pattern = f"^([^ ]*python[^ ]* )?[^ ]*/{program}( |$)"
    found = world.ssh.run(node, f"pgrep -f -- {shlex.quote(pattern)} || true").stdout
    return tuple(int(line) for line in found.split())


def start_turn(unit: str) -> tuple[int, str]:
    """Return a key that sorts units of a compute node as they are to be started: nova-compute last.

    A socket cannot be started when its service runs, and libvirt's other sockets need the first one.
    """
    name, _, kind = unit.rpartition(".")
    if kind == "socket":
        return int("-" in name), unit
    if name in {"libvirtd", "virtqemud"}:
        return 2, unit
    return 3 + int(unit in NOVA_COMPUTE), unit


def owner_file(unit: str) -> str:
    """Return the path of the file whose presence keeps a unit from starting."""
    return f"{HELD_DIRECTORY}/{unit}.json"


def parse_held(unit: str, text: str) -> Held:
    """Return a hold; a file that cannot be read holds its unit all the same, by nobody knows whom."""
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    known = data if isinstance(data, dict) else {"owner": "unknown", "reason": "its owner file cannot be read"}
    return Held.from_json({**known, "unit": unit})
