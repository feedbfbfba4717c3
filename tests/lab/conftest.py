"""The lab cloud for the tests: up before the first of them, left up for the next run of them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fleet import STACKMEND, Ended, Fleet, connect
from fleet import stackmend as run_stackmend
from recovering import readmitted

from stackmend.adapters.world import World
from stackmend.cli.context import CloudChoice, open_world


@pytest.fixture(scope="session")
def lab() -> dict[str, str]:
    """The environment of a lab that is up, as ``stackmend lab env`` gives it."""
    subprocess.run([str(STACKMEND), "lab", "up"], stdin=subprocess.DEVNULL, check=True, timeout=1800)
    shown = subprocess.run([str(STACKMEND), "lab", "env"], capture_output=True, text=True, check=True)
    lines = [line.removeprefix("export ") for line in shown.stdout.splitlines() if line.startswith("export ")]
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture(scope="module")
def lab_env(lab: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment for the command line: the lab, and a state directory of the module's own."""
    return {**os.environ, **lab, "STACKMEND_STATE": str(tmp_path_factory.mktemp("state"))}


@pytest.fixture(scope="module")
def stackmend(lab_env: dict[str, str]) -> Callable[..., Ended]:
    """Run the command line on the lab; ``extra`` adds to its environment."""

    def run(*args: str, extra: dict[str, str] | None = None, timeout: float = 900, typed: str = "") -> Ended:
        return run_stackmend(*args, env={**lab_env, **(extra or {})}, timeout=timeout, typed=typed)

    return run


@pytest.fixture(scope="session")
def on_node(lab: dict[str, str]) -> Callable[[str, str], str]:
    """Run a shell script on a node of the lab by plain ssh, and return what it printed."""
    del lab

    def run(node: str, script: str) -> str:
        done = subprocess.run(
            [str(STACKMEND), "lab", "run", node, "--", "sh", "-c", script],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        return done.stdout

    return run


@pytest.fixture(scope="module")
def fleet(lab: dict[str, str], on_node: Callable[[str, str], str]) -> Iterator[Fleet]:
    """Instances of the module's own; whatever is left of them is deleted at its end."""
    connection = connect(Path(lab["OS_CLIENT_CONFIG_FILE"]))
    crew = Fleet(connection, on_node)
    yield crew
    crew.clear()
    connection.close()


@pytest.fixture(scope="module")
def world(lab: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The lab as a command opens it."""
    choice = CloudChoice(lab["OS_CLOUD"], Path(lab["STACKMEND_INVENTORY"]), tmp_path_factory.mktemp("state"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OS_CLIENT_CONFIG_FILE", lab["OS_CLIENT_CONFIG_FILE"])
        with open_world(choice) as opened:
            yield opened


@pytest.fixture(scope="module")
def couple(fleet: Fleet) -> Iterator[list[str]]:
    """Two running instances on c01."""
    ids = [fleet.boot(f"fault-{n}", "c01") for n in range(2)]
    for instance in ids:
        fleet.wait(instance, "active")
    yield ids
    fleet.clear()


@pytest.fixture
def healed_and_home(stackmend: Callable[..., Ended], fleet: Fleet, couple: list[str]) -> Iterator[None]:
    """Heal every fault and close what is open after each test; bring the instances home."""
    yield
    assert stackmend("lab", "heal").status == 0
    for run in stackmend("runs", "list", "-f", "json").json():
        if run["state"] in {"paused", "interrupted"}:
            assert stackmend("runs", "abort", run["id"]).status == 0
    if fleet.service("c01")["status"] == "disabled" or {fleet.host(i) for i in couple} != {"c01"}:
        ended = stackmend("node", "return", "c01", "--yes")
        assert ended.status == 0, ended.out + ended.err
    assert {fleet.host(i) for i in couple} == {"c01"}


@pytest.fixture
def healed(stackmend: Callable[..., Ended], fleet: Fleet) -> Iterator[Callable[..., None]]:
    """Break a node, and after the test heal it, close what is open and readmit the node."""
    inflicted: list[tuple[str, str]] = []

    def inflict(fault: str, node: str) -> None:
        inflicted.append((fault, node))
        broken = stackmend("lab", "break", fault, node)
        assert broken.status == 0, broken.err

    yield inflict
    fenced = {node for _, node in inflicted if fleet.service(node)["forced_down"]}
    for node in fenced:
        assert stackmend("lab", "heal", "power-cut", node).status == 0
    for fault, node in inflicted:
        ended = stackmend("lab", "heal", fault, node)
        assert ended.status == 0, ended.out + ended.err
    for run in stackmend("runs", "list", "-f", "json").json():
        if run["state"] in {"paused", "interrupted"}:
            assert stackmend("runs", "abort", run["id"]).status == 0
    for node in fenced:
        readmitted(stackmend, fleet, node)
