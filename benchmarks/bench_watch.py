"""From a power-cut to the sentence: ``stackmend watch`` beside nova's own ``service_down_time``, in one run.

A node of the lab is asked for a connection five times a second, and its power is cut; its last answer is when it died.
Printed: seconds from then until the watch said so with the controller's word, and until nova's list of services said
*down*, with the ``service_down_time`` that it waits for. Nova's default of that is 60 s. Needs a lab that is up, whose
instances on the node may die: ``stackmend lab up``. Usage: bench_watch.py [NODE]
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import openstack
import yaml
from bench_status import environment
from taking_turns import BIN

STACKMEND = str(BIN / "stackmend")
BUDGET = 20.0
"""Seconds from the power-cut within which the watch is to say it."""
LONGEST = 120.0
NOVAS_DEFAULT = 60


def stackmend(*args: str) -> str:
    """Run stackmend to its end; its failure ends the benchmark."""
    return subprocess.run([STACKMEND, *args], check=True, capture_output=True, text=True).stdout


@contextmanager
def lines_of(command: list[str], env: Mapping[str, str]) -> Iterator[list[tuple[float, str]]]:
    """Run a command meanwhile, and collect its lines with the time at which each came."""
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    found: list[tuple[float, str]] = []

    def read() -> None:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        found.extend((time.time(), line) for line in process.stdout)

    threading.Thread(target=read, daemon=True).start()
    try:
        yield found
    finally:
        process.terminate()
        process.wait()


@contextmanager
def answers_of(address: str) -> Iterator[list[float]]:
    """Ask a node's sshd for a connection five times a second meanwhile, and collect when it gave one."""
    ended = threading.Event()
    found: list[float] = []

    def ask() -> None:
        while not ended.wait(0.2):
            with suppress(OSError):
                socket.create_connection((address, 22), timeout=0.5).close()
                found.append(time.time())

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def first(question: Callable[[], float | None], what: str) -> float:
    """Ask until there is an answer."""
    deadline = time.monotonic() + LONGEST
    while (answer := question()) is None:
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {LONGEST:.0f} s: {what}")
        time.sleep(0.2)
    return answer


def said_off(lines: list[tuple[float, str]], node: str) -> Callable[[], float | None]:
    """Return the question when the watch said that the node is off."""

    def ask() -> float | None:
        events: list[tuple[float, dict[str, Any]]] = [(at, json.loads(line)) for at, line in list(lines)]
        return next((at for at, e in events if e.get("node") == node and e.get("condition") == "off"), None)

    return ask


def nova_down(cloud: openstack.connection.Connection, node: str) -> Callable[[], float | None]:
    """Return the question when nova said that the node's nova-compute is down."""

    def ask() -> float | None:
        (service,) = cloud.compute.services(binary="nova-compute", host=node)
        return time.time() if service.state == "down" else None

    return ask


def measure(node: str, env: Mapping[str, str]) -> tuple[float, float]:
    """Cut the node's power and return the seconds until the watch said so, and until nova did."""
    inventory = yaml.safe_load(Path(env["STACKMEND_INVENTORY"]).read_text())
    address = inventory["nodes"][node]["address"]
    config = openstack.config.OpenStackConfig(config_files=[env["OS_CLIENT_CONFIG_FILE"]])
    cloud = openstack.connection.Connection(config=config.get_one(env["OS_CLOUD"]))
    with (
        answers_of(address) as answers,
        lines_of([STACKMEND, "watch", "-f", "json"], env) as said,
        ThreadPoolExecutor(2) as pool,
    ):
        first(lambda: time.time() if said else None, "the watch begins")
        cut = pool.submit(stackmend, "lab", "break", "power-cut", node)
        down = pool.submit(first, nova_down(cloud, node), "nova says down")
        off = first(said_off(said, node), "the watch says off")
        cut.result()
        return off - answers[-1], down.result() - answers[-1]


def main() -> None:
    """Measure, heal, print both sides, and fail where the watch is over its budget."""
    node = sys.argv[1] if len(sys.argv) > 1 else "c03"
    env = environment()
    conf = stackmend("lab", "run", "ctl01", "--", "cat", "/etc/nova/nova.conf")
    setting = re.search(r"^service_down_time *= *(\d+)", conf, re.MULTILINE)
    waits = int(setting.group(1)) if setting else NOVAS_DEFAULT
    try:
        ours, theirs = measure(node, env)
    finally:
        stackmend("lab", "heal", "power-cut", node)
    print(f"stackmend watch says off         {ours:5.1f} s after its last answer (at most {BUDGET:.0f})")
    print(f"nova says down                   {theirs:5.1f} s after it, with service_down_time = {waits} (default 60)")
    at_default = ours / (theirs + NOVAS_DEFAULT - waits)
    print(f"stackmend takes {ours / theirs:.2f} of nova's time; of nova's at its default {at_default:.2f}")
    if ours > BUDGET:
        sys.exit("over the budget")


if __name__ == "__main__":
    main()
