"""Bad input on a real cloud: one clear line, a code, the right exit status, nothing changed, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from fleet import Ended, Fleet

pytestmark = pytest.mark.lab

Command = Callable[..., Ended]
REFUSED, FAILED, USAGE = 3, 1, 2


def first_line(ended: Ended) -> str:
    lines = ended.err.strip().splitlines()
    assert lines, ended.out
    assert "Traceback" not in ended.err + ended.out
    return lines[0]


@pytest.fixture(autouse=True)
def nothing_changes(stackmend: Command, fleet: Fleet) -> Any:
    """Compare nova's services and the list of runs before and after each test."""

    def world() -> tuple[Any, ...]:
        services = tuple((n, fleet.service(n)["status"]) for n in ("c01", "c02", "c03"))
        return services, stackmend("runs", "list", "-f", "json").out

    before = world()
    yield
    assert world() == before


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (("node", "drain", "c99", "--yes"), REFUSED, "node-unknown"),
        (("node", "drain", "ctl01", "--yes"), REFUSED, "node-wrong-role"),
        (("node", "drain", "c01", "--target", "c01", "--yes"), REFUSED, "no-target"),
        (("node", "drain", "c01"), USAGE, "usage"),
        (("node", "drain", "c01", "--expect", "0000", "--yes"), REFUSED, "plan-stale"),
        (("node", "return", "c03", "--yes"), REFUSED, "nothing-to-return"),
        (("node", "start", "c03", "--yes"), REFUSED, "nothing-to-return"),
        (("node", "drain", "c01", "--yes", "--cloud", "nowhere"), USAGE, "usage"),
        (("runs", "resume", "r-nothing"), REFUSED, "run-unknown"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_words_that_make_no_sense(stackmend: Command, words: tuple[str, ...], status: int, code: str) -> None:
    ended = stackmend(*words)
    assert ended.status == status, ended.out + ended.err
    assert code in first_line(ended)


def rewritten(path: str, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    data = yaml.safe_load(Path(path).read_text())
    change(data)
    target.write_text(yaml.safe_dump(data))
    return target


def test_a_wrong_password(stackmend: Command, lab_env: dict[str, str], tmp_path: Path) -> None:
    def change(data: dict[str, Any]) -> None:
        data["clouds"]["lab"]["auth"]["password"] = "not-the-password"

    clouds = rewritten(lab_env["OS_CLIENT_CONFIG_FILE"], tmp_path / "clouds.yaml", change)
    ended = stackmend("node", "drain", "c01", "--yes", extra={"OS_CLIENT_CONFIG_FILE": str(clouds)})
    assert ended.status == FAILED
    assert "auth-failed" in first_line(ended)
    assert "not-the-password" not in ended.out + ended.err


def test_a_token_that_is_no_longer_accepted(stackmend: Command, lab_env: dict[str, str], tmp_path: Path) -> None:
    def change(data: dict[str, Any]) -> None:
        entry = data["clouds"]["lab"]
        entry["auth_type"] = "v3token"
        entry["auth"] = {
            "auth_url": entry["auth"]["auth_url"],
            "token": "gAAAAABexpired",
            "project_name": "admin",
            "project_domain_name": "Default",
        }

    clouds = rewritten(lab_env["OS_CLIENT_CONFIG_FILE"], tmp_path / "clouds.yaml", change)
    ended = stackmend("node", "drain", "c01", "--yes", extra={"OS_CLIENT_CONFIG_FILE": str(clouds)})
    assert ended.status == FAILED
    assert "auth-failed" in first_line(ended) or "token-expired" in first_line(ended)
    assert "gAAAAABexpired" not in ended.out + ended.err


def test_a_host_key_that_is_not_known(stackmend: Command, lab_env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("")

    def change(data: dict[str, Any]) -> None:
        key = Path(lab_env["STACKMEND_INVENTORY"]).parent / data["ssh"]["key"]
        data["ssh"] |= {"known_hosts": "known_hosts", "key": str(key)}

    inventory = rewritten(lab_env["STACKMEND_INVENTORY"], tmp_path / "inventory.yaml", change)
    ended = stackmend("node", "drain", "c01", "--yes", "--inventory", str(inventory))
    assert ended.status == FAILED
    assert "ssh-host-key" in first_line(ended)


def test_a_node_that_does_not_answer(stackmend: Command, lab_env: dict[str, str], tmp_path: Path) -> None:
    folder = Path(lab_env["STACKMEND_INVENTORY"]).parent

    def change(data: dict[str, Any]) -> None:
        data["ssh"] |= {"known_hosts": str(folder / "known_hosts"), "key": str(folder / "ssh_key")}
        data["nodes"]["c01"]["address"] = "127.0.0.1"
        data["nodes"]["c01"]["ssh"] = {"port": 1}

    inventory = rewritten(lab_env["STACKMEND_INVENTORY"], tmp_path / "inventory.yaml", change)
    ended = stackmend("node", "drain", "c01", "--yes", "--inventory", str(inventory))
    assert ended.status == FAILED
    assert "ssh-unreachable" in first_line(ended)


@pytest.mark.parametrize("text", ["nodes: [", "nodes: 7\n", "nodes: {c01: {roles: [barista]}}\n"])
def test_a_malformed_inventory(stackmend: Command, tmp_path: Path, text: str) -> None:
    inventory = tmp_path / "inventory.yaml"
    inventory.write_text(text)
    ended = stackmend("node", "drain", "c01", "--yes", "--inventory", str(inventory))
    assert ended.status == REFUSED
    assert "inventory-malformed" in first_line(ended)
    assert str(inventory) in ended.err


def test_no_inventory_at_all(stackmend: Command, tmp_path: Path) -> None:
    ended = stackmend("node", "drain", "c01", "--yes", "--inventory", str(tmp_path / "none.yaml"))
    assert ended.status == REFUSED
    assert "inventory-missing" in first_line(ended)
