"""Draining instances of the lab: the guide's own loop beside ``stackmend node drain``, in one run.

On the same instances, one after the other: the guide's loop (``openstack server migrate --live-migration --wait``),
then stackmend's drain, then the drain with nova's ``max_concurrent_live_migrations`` raised. Between them the instances
are brought home, which is not measured. Printed: wall times and their ratios; wall time against nova's own migration
times on the critical path; probes lost. Needs a lab that is up: ``stackmend lab up``. Usage: bench_drain.py [INSTANCES]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

BIN = Path(__file__).parents[1] / ".venv/bin"
NODE, TARGET = "c01", "c02"
RAISED = 3
CONF = "/etc/nova/nova.conf"


@dataclass(frozen=True)
class Side:
    """One way of draining, measured.

    Attributes:
        name: for the table.
        wall: seconds from its start to its end.
        nova: seconds that nova's own migration records cover: each second that at least one of them was under way.
        sent: probes sent meanwhile.
        lost: those without an answer.
        worst: probes lost by instance, where any were.
    """

    name: str
    wall: float
    nova: float
    sent: int
    lost: int
    worst: Mapping[str, int]


def call(*args: str, env: Mapping[str, str]) -> str:
    """Run a command to its end; what it printed on failure is shown."""
    done = subprocess.run(args, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(args)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def stackmend(*args: str, env: Mapping[str, str]) -> str:
    """Run stackmend."""
    return call(str(BIN / "stackmend"), *args, env=env)


def openstack(*args: str, env: Mapping[str, str]) -> str:
    """Run the openstack client."""
    return call(str(BIN / "openstack"), *args, env=env)


def guide(ids: list[str], env: Mapping[str, str]) -> None:
    """Move the instances as the guide does: one after another, each waited for."""
    for instance in ids:
        openstack("server", "migrate", "--live-migration", "--host", TARGET, "--wait", instance, env=env)


def drain(env: Mapping[str, str]) -> None:
    """Move the instances by stackmend."""
    stackmend("node", "drain", NODE, "--target", TARGET, "--yes", env=env)


def home(env: Mapping[str, str], ids: list[str]) -> None:
    """Bring the instances home, however they were moved away; not measured."""
    away = "--host", NODE, "--wait"
    for instance in ids:
        if placed(instance, env) != NODE:
            openstack("server", "migrate", "--live-migration", *away, instance, env=env)


def placed(instance: str, env: Mapping[str, str]) -> str:
    """Return the node that nova has an instance on."""
    shown = json.loads(openstack("server", "show", "-f", "json", instance, env=env))
    return str(shown["OS-EXT-SRV-ATTR:host"])


def covered(since: float, env: Mapping[str, str]) -> float:
    """Return the seconds that nova's migration records since a moment cover together."""
    total, end = 0.0, 0.0
    for begin, finish in spans(since, env):
        total += max(finish - max(begin, end), 0.0)
        end = max(end, finish)
    return total


def spans(since: float, env: Mapping[str, str]) -> list[tuple[float, float]]:
    """Return begin and end of each of nova's migration records since a moment, the earliest first."""
    rows = json.loads(
        openstack("--os-compute-api-version", "2.80", "server", "migration", "list", "-f", "json", env=env)
    )
    every = sorted((stamp(row["Created At"]), stamp(row["Updated At"])) for row in rows)
    return [(begin, finish) for begin, finish in every if begin >= since - 1]


def stamp(text: str) -> float:
    """Return one of nova's time stamps (UTC) in seconds since 1970."""
    return datetime.fromisoformat(text.split(".", maxsplit=1)[0] + "+00:00").timestamp()


def measured(name: str, work: Callable[[], None], env: Mapping[str, str]) -> Side:
    """Do the work once and return its figures."""
    began, clock = time.time(), time.monotonic()
    work()
    wall = time.monotonic() - clock
    probes: dict[str, dict[str, Any]] = json.loads(
        stackmend("lab", "probe", "report", "--since", f"{began:.3f}", "-f", "json", env=env)
    )
    return Side(
        name=name,
        wall=wall,
        nova=covered(began, env),
        sent=sum(p["sent"] for p in probes.values()),
        lost=sum(p["lost"] for p in probes.values()),
        worst={address: p["lost"] for address, p in probes.items() if p["lost"]},
    )


def set_concurrency(width: int, env: Mapping[str, str]) -> None:
    """Set nova's own limit on the node and restart its nova-compute; return when it is up again."""
    change = f"sed -i 's/^max_concurrent_live_migrations = .*/max_concurrent_live_migrations = {width}/' {CONF}"
    stackmend("lab", "run", NODE, "--", "sh", "-c", f"{change} && systemctl restart nova-compute", env=env)
    deadline = time.monotonic() + 90
    verify = [str(BIN / "stackmend"), "node", "verify", NODE, "--no-canary"]
    while subprocess.run(verify, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode:
        if time.monotonic() > deadline:
            raise SystemExit(f"{NODE} does not work after nova-compute was restarted")


def sides(ids: list[str], env: Mapping[str, str]) -> list[Side]:
    """Measure every side; the instances are home and the limit is 1 at the end."""
    loop = measured("guide's loop, one by one", lambda: guide(ids, env), env)
    home(env, ids)
    one = measured("stackmend node drain", lambda: drain(env), env)
    stackmend("node", "return", NODE, "--yes", env=env)
    set_concurrency(RAISED, env)
    try:
        three = measured(f"stackmend, nova's limit at {RAISED}", lambda: drain(env), env)
    finally:
        set_concurrency(1, env)
    stackmend("node", "return", NODE, "--yes", env=env)
    return [loop, one, three]


def show(count: int, results: list[Side]) -> None:
    """Print the table and the ratios."""
    print(f"draining {count} instances from {NODE} to {TARGET}")
    print(f"{'':34}{'wall s':>8}{'nova s':>8}{'wall/nova':>11}{'probes':>8}{'lost':>6}")
    for side in results:
        ratio = side.wall / side.nova if side.nova else float("nan")
        print(f"{side.name:34}{side.wall:8.1f}{side.nova:8.1f}{ratio:11.2f}{side.sent:8}{side.lost:6}")
        for address, lost in side.worst.items():
            print(f"{'':34}lost by {address}: {lost}")
    loop, one, three = results
    print(f"stackmend / guide's loop:             {one.wall / loop.wall:.2f}   (at most 1.00 is asked for)")
    print(f"stackmend / nova's own time:          {one.wall / one.nova:.2f}   (at most 1.10 is asked for)")
    print(f"limit {RAISED} / limit 1:                    {three.wall / one.wall:.2f}")


def main() -> None:
    """Start the instances, measure, print, delete them."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    lines = [
        line.removeprefix("export ") for line in call(str(BIN / "stackmend"), "lab", "env", env=os.environ).split("\n")
    ]
    env = {**os.environ, **dict(line.split("=", 1) for line in lines if "=" in line)}
    with TemporaryDirectory() as state:
        env["STACKMEND_STATE"] = state
        stackmend("lab", "instances", "start", NODE, str(count), env=env)
        rows = json.loads(stackmend("lab", "instances", "list", "-f", "json", env=env))
        ids = [row["id"] for row in rows if row["host"] == NODE]
        show(len(ids), sides(ids, env))
        stackmend("lab", "instances", "delete", env=env)


if __name__ == "__main__":
    main()
