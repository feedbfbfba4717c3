"""The cloud at a glance, when it is well and when parts of it are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fleet import Fleet, Stackmend, broken, until


def look(stackmend: Stackmend) -> dict[str, Any]:
    ended = stackmend("status", "-f", "json", timeout=90)
    assert ended.status == 0, ended.err
    return dict(ended.json())


def state_of(overview: dict[str, Any], node: str, service: str) -> str:
    """Return a service's state; empty where it is not shown."""
    services = next(n for n in overview["nodes"] if n["node"] == node)["services"]
    return next((str(s["state"]) for s in services if s["name"] == service), "")


def test_a_cloud_that_is_well(stackmend: Stackmend, fleet: Fleet) -> None:
    fleet.wait(fleet.boot("status-1", "c01"), "active")
    overview = look(stackmend)
    assert overview["ways"] == {"agents": "neutron-api", "instances": "nova-api", "services": "nova-api"}
    assert overview["unseen"] == []
    assert [node["node"] for node in overview["nodes"]] == ["c01", "c02", "c03", "ctl01"]
    assert {s["state"] for node in overview["nodes"] for s in node["services"]} == {"up"}
    assert overview["nodes"][0]["instances"]["active"] >= 1


@pytest.mark.parametrize("form", ["table", "yaml", "csv"])
def test_every_form_names_every_node(stackmend: Stackmend, form: str) -> None:
    ended = stackmend("status", "-f", form)
    assert ended.status == 0
    assert all(node in ended.out for node in ("c01", "c02", "c03", "ctl01"))
    assert ended.err == ""


def test_a_stopped_and_a_frozen_nova_compute(stackmend: Stackmend) -> None:
    with broken(stackmend, "compute-wedge", "c03"), broken(stackmend, "compute-stop", "c02"):
        overview = look(stackmend)
        assert state_of(overview, "c03", "nova-compute") == "frozen"
        assert state_of(overview, "c02", "nova-compute") == "down"
        assert state_of(overview, "c01", "nova-compute") == "up"


def test_without_nova_api_the_database_is_asked(stackmend: Stackmend) -> None:
    with broken(stackmend, "nova-api-stop", "ctl01"):
        overview = look(stackmend)
        assert overview["ways"] == {"agents": "neutron-api", "instances": "database", "services": "database"}
        assert any(sentence.startswith("services not by nova-api: compute ") for sentence in overview["unseen"])
        assert state_of(overview, "c01", "nova-compute") == "up"
        assert state_of(overview, "ctl01", "nova-api") in {"down", ""}


def test_without_rabbitmq_the_processes_freeze(stackmend: Stackmend) -> None:
    with broken(stackmend, "rabbitmq-stop", "ctl01"):
        assert state_of(look(stackmend), "ctl01", "rabbitmq-server") == "down"
        until(lambda: state_of(look(stackmend), "c01", "nova-compute") == "frozen", "c01 is frozen", timeout=120)
    until(lambda: state_of(look(stackmend), "c01", "nova-compute") == "up", "c01 is up again", timeout=120)


def test_without_the_database_the_hosts_tell(stackmend: Stackmend) -> None:
    with broken(stackmend, "mariadb-stop", "ctl01"):
        overview = look(stackmend)
        assert "services" not in overview["ways"]
        assert state_of(overview, "ctl01", "mariadb") == "down"
        assert state_of(overview, "c01", "nova-compute") == "unknown"
        assert state_of(overview, "c01", "libvirtd") == "up"
        assert any(sentence.startswith("services not by database") for sentence in overview["unseen"])


def test_a_node_that_is_cut_off_is_said_to_be_silent(stackmend: Stackmend) -> None:
    with broken(stackmend, "network-cut", "c03"):
        overview = look(stackmend)
        (silent,) = [node for node in overview["nodes"] if node["silent"]]
        assert silent["node"] == "c03"
        assert "cannot be reached over SSH" in silent["silent"]


def test_a_wrong_password_is_one_clear_line(stackmend: Stackmend, lab: dict[str, str], tmp_path: Path) -> None:
    text = Path(lab["OS_CLIENT_CONFIG_FILE"]).read_text().replace("password: ", "password: not-")
    (tmp_path / "clouds.yaml").write_text(text)
    ended = stackmend("status", extra={"OS_CLIENT_CONFIG_FILE": str(tmp_path / "clouds.yaml")})
    assert ended.status == 1
    assert ended.err.startswith("failed auth-failed: keystone does not accept the user and password of cloud lab\n")
    assert "not-" not in ended.err


def test_init_writes_what_status_reads(stackmend: Stackmend, lab: dict[str, str], tmp_path: Path) -> None:
    folder = Path(lab["STACKMEND_INVENTORY"]).parent
    keys = ("--key", str(folder / "ssh_key"), "--known-hosts", str(folder / "known_hosts"))
    written = tmp_path / "inventory.yaml"
    assert stackmend("init", "--output", str(written), *keys).status == 0
    assert stackmend("init", "--output", str(written), *keys).status == 2
    ended = stackmend("status", "-f", "json", extra={"STACKMEND_INVENTORY": str(written)})
    assert [node["silent"] for node in ended.json()["nodes"]] == [""] * 4
