"""The lab's fixed facts, and what the environment and the state directory say of them."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from stackmend.errors import UsageError
from stackmend.lab import state
from stackmend.lab.settings import Settings, from_environment


def test_every_address_is_a_hosts_own() -> None:
    settings = Settings(computes=9)
    mine = [settings.address(node) for node in settings.nodes] + [str(settings.gateway)]
    tunnels = [settings.tunnel_address(node) for node in settings.nodes]
    assert len({*mine, *tunnels}) == len(mine) + len(tunnels)
    assert not settings.management.overlaps(settings.tunnel)


def test_names_fit_the_kernels_fifteen_characters() -> None:
    settings = Settings()
    assert all(len(f"vb-{settings.machine(node)}") <= 15 for node in settings.nodes)


def test_two_nodes_share_their_instances() -> None:
    settings = Settings(computes=4)
    shared, also_shared, third, fourth = (settings.instances_dir(node) for node in settings.compute_names)
    assert shared == also_shared
    assert len({shared, third, fourth}) == 3


def test_the_environment_decides() -> None:
    settings = from_environment(
        {
            "STACKMEND_LAB_CACHE": "/somewhere/cache",
            "STACKMEND_LAB_DIR": "/somewhere/lab",
            "STACKMEND_LAB_BRIDGE": "other0",
            "STACKMEND_LAB_SUBNET": "192.168.9.0/24",
            "STACKMEND_LAB_COMPUTES": "5",
        }
    )
    assert settings == Settings(
        Path("/somewhere/cache"), Path("/somewhere/lab"), "other0", IPv4Network("192.168.9.0/24"), 5
    )


@pytest.mark.parametrize(
    "environ",
    [
        {"STACKMEND_LAB_SUBNET": "192.168.9.0/25"},
        {"STACKMEND_LAB_SUBNET": "9.9.9.0/24"},
        {"STACKMEND_LAB_SUBNET": "192.168.9.1/24"},
        {"STACKMEND_LAB_SUBNET": "here"},
        {"STACKMEND_LAB_COMPUTES": "many"},
        {"STACKMEND_LAB_COMPUTES": "0"},
        {"STACKMEND_LAB_COMPUTES": "10"},
        {"STACKMEND_LAB_BRIDGE": "a-long-name"},
        {"STACKMEND_LAB_BRIDGE": ""},
    ],
)
def test_what_cannot_be_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        from_environment(environ)


def test_a_lab_that_is_there_keeps_its_shape(tmp_path: Path) -> None:
    made = Settings(Path("/c"), tmp_path, "br9", IPv4Network("10.9.9.0/24"), 5)
    state.remember(made)
    assert state.recall(Settings(state=tmp_path)) == made


def test_no_lab_has_no_shape(tmp_path: Path) -> None:
    asked = Settings(state=tmp_path / "none")
    assert state.recall(asked) == asked
