"""The lab's power controllers without a lab: where they are, what the inventory says of them, faults as files."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from stackmend.domain.power import PowerController
from stackmend.inventory.loader import load
from stackmend.lab import outputs, power
from stackmend.lab.settings import MOST_COMPUTES, Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "power").mkdir()
    return Settings(state=tmp_path, computes=MOST_COMPUTES)


def test_each_node_has_a_port_of_its_own(settings: Settings) -> None:
    assert len({power.port(settings, node) for node in settings.nodes}) == len(settings.nodes)
    assert power.url(settings, "c01") == "http://10.213.76.1:8421"


def test_the_inventory_names_them(settings: Settings) -> None:
    file = settings.state / "inventory.yaml"
    file.write_text(yaml.safe_dump(outputs.inventory(settings)))
    for name, node in load(file, "").nodes.items():
        assert node.power == PowerController(
            "redfish", power.url(settings, name), power.USER, password_file=str(settings.state / power.PASSWORD_FILE)
        )


def test_the_password_is_made_once_and_read_by_its_owner(settings: Settings) -> None:
    power.ensure_password(settings)
    first = power.password(settings)
    power.ensure_password(settings)
    assert power.password(settings) == first != ""
    assert (settings.state / power.PASSWORD_FILE).stat().st_mode & 0o077 == 0


def test_a_fault_is_one_nodes_until_it_is_cured(settings: Settings) -> None:
    power.afflict(settings, power.LIES, "c01")
    assert power.has(settings, power.LIES, "c01")
    assert not power.has(settings, power.LIES, "c02")
    assert not power.has(settings, power.UNREACHABLE, "c01")
    power.cure(settings, power.LIES, "c01")
    power.cure(settings, power.LIES, "c01")
    assert not power.has(settings, power.LIES, "c01")


def test_a_service_that_is_not_there(settings: Settings) -> None:
    assert power.service(settings) is None
    power.stop(settings)
