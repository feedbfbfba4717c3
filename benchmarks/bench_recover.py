"""Recovering a dead node of the lab: a plain loop of ``openstack server evacuate`` beside ``stackmend node recover``.

The instances are on one of two nodes that share their files. The node's power is cut; once nova takes it for down, the
clock starts, and it stops when the last instance answers ping. Then the node is taken back, and the other side does the
same with the other node, on the same instances. The loop is what a person types who looks at nothing: the service is
forced down, and every instance is evacuated without waiting for the one before. Printed: seconds, those that nova's own
evacuation records cover together, those from the end of the last record until the last instance answers (a guest boots,
whoever asked for it), and the ratios. Masakari is not run: what its engine waits for before it evacuates, with its
defaults, is put beside. Needs a lab that is up, with no instances: ``stackmend lab up``.
Usage: bench_recover.py [INSTANCES]
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from tempfile import TemporaryDirectory

from bench_drain import covered, openstack, placed, spans, stackmend
from bench_status import environment

FIRST, SECOND = "c01", "c02"
"""Two nodes that see each other's files of instances."""
LONGEST = 600.0
NOVA = ("--os-compute-api-version", "2.80")
BUDGET = 1.15
MASAKARI_WAITS = 180
"""``wait_period_after_service_update``: Masakari's engine sleeps for it, by default, between disabling the service of a
failed host and its first evacuation (masakari/engine/drivers/taskflow/host_failure.py). Its monitors come on top."""


@dataclass(frozen=True)
class Side:
    """One way of recovering, measured.

    Attributes:
        name: for the table.
        wall: seconds from its start until the last instance answered ping.
        nova: seconds that nova's own evacuation records cover together.
        boot: seconds from the end of the last of these records until the last instance answered ping.
    """

    name: str
    wall: float
    nova: float
    boot: float

    @property
    def critical(self) -> float:
        """Seconds that nobody who evacuates by nova is spared: its records, and the boot of the last guest."""
        return self.nova + self.boot


def until(question: Callable[[], bool], what: str) -> None:
    """Ask until it is so."""
    deadline = time.monotonic() + LONGEST
    while not question():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {LONGEST:.0f} s: {what}")
        time.sleep(1)


def down(node: str, env: Mapping[str, str]) -> bool:
    """Return whether nova takes a node's nova-compute for down."""
    rows = openstack("compute", "service", "list", "--service", "nova-compute", "--host", node, "-f", "json", env=env)
    (service,) = json.loads(rows)
    return str(service["State"]) == "down"


def answer(count: int, since: float, env: Mapping[str, str]) -> bool:
    """Return whether that many instances have answered the last probes, all of them sent after a moment."""
    window = max(since, time.time() - 1.5)
    probes = json.loads(stackmend("lab", "probe", "report", "--since", f"{window:.3f}", "-f", "json", env=env))
    return [p["sent"] >= 3 and p["lost"] == 0 for p in probes.values()] == [True] * count  # noqa: PLR2004 - three probes


def answered_at(dead: float, env: Mapping[str, str]) -> float:
    """Return when the last instance answered again, by the longest gap in the probes of any since its node's death."""
    probes = json.loads(stackmend("lab", "probe", "report", "--since", f"{dead - 2:.3f}", "-f", "json", env=env))
    return dead + float(max(p["longest_gap_s"] for p in probes.values()))


def loop(ids: list[str], node: str, target: str, env: Mapping[str, str]) -> None:
    """Evacuate as a person would who looks at nothing."""
    openstack(*NOVA, "compute", "service", "set", "--down", node, "nova-compute", env=env)
    for instance in ids:
        openstack(*NOVA, "server", "evacuate", "--host", target, instance, env=env)


def recover(ids: list[str], node: str, target: str, env: Mapping[str, str]) -> None:  # noqa: ARG001 - as the loop
    """Recover by stackmend."""
    stackmend("node", "recover", node, "--target", target, "--yes", env=env)


Way = Callable[[list[str], str, str, Mapping[str, str]], None]


def measured(name: str, way: Way, nodes: tuple[str, str], ids: list[str], env: Mapping[str, str]) -> Side:
    """Let a node die, recover its instances on the other one, take it back, and return the figures."""
    node, target = nodes
    stackmend("lab", "break", "power-cut", node, env=env)
    dead = time.time()
    until(lambda: down(node, env), f"nova takes {node} for down")
    began = time.time()
    way(ids, node, target, env)
    until(lambda: answer(len(ids), began, env), "every instance answers ping")
    last = answered_at(dead, env)
    side = Side(name, last - began, covered(began, env), last - max(end for _, end in spans(began, env)))
    astray = [instance for instance in ids if placed(instance, env) != target]
    if astray:
        raise SystemExit(f"{name}: not on {target}: {', '.join(astray)}")
    stackmend("lab", "heal", "power-cut", node, env=env)
    stackmend("node", "readmit", node, "--no-canary", "--yes", env=env)
    return side


def show(count: int, plain: Side, ours: Side) -> None:
    """Print the table and the ratios."""
    print(f"recovering {count} instances of a node that is down by nova, until the last one answers ping")
    print(f"{'':34}{'wall s':>8}{'nova s':>8}{'boot s':>8}{'wall/(nova+boot)':>18}")
    for side in (plain, ours):
        print(f"{side.name:34}{side.wall:8.1f}{side.nova:8.1f}{side.boot:8.1f}{side.wall / side.critical:18.2f}")
    print(f"stackmend / plain loop:               {ours.wall / plain.wall:.2f}")
    print(f"stackmend / nova's records alone:     {ours.wall / ours.nova:.2f}")
    print(f"stackmend / records and last boot:    {ours.wall / ours.critical:.2f}   (at most {BUDGET} is asked for)")
    masakari = MASAKARI_WAITS + plain.critical
    waits = f"its wait of {MASAKARI_WAITS} s, nova's records, and the last boot"
    print(f"stackmend / Masakari, not run:        {ours.wall / masakari:.2f}   ({waits})")


def main() -> None:
    """Start the instances, measure, print, delete them."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    env = environment()
    with TemporaryDirectory() as state:
        env["STACKMEND_STATE"] = state
        stackmend("lab", "instances", "start", FIRST, str(count), env=env)
        stackmend("lab", "probe", "start", env=env)
        rows = json.loads(stackmend("lab", "instances", "list", "-f", "json", env=env))
        ids = [row["id"] for row in rows if row["host"] == FIRST]
        plain = measured("plain loop of server evacuate", loop, (FIRST, SECOND), ids, env)
        ours = measured("stackmend node recover", recover, (SECOND, FIRST), ids, env)
        show(len(ids), plain, ours)
        stackmend("lab", "instances", "delete", env=env)


if __name__ == "__main__":
    main()
