"""What a watch refuses to be allowed: what it could never act on."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackmend.cli import main as cli
from stackmend.errors import Exit

NODES = "".join(f"  c0{n}:\n    address: 192.0.2.{n}\n    roles: [compute]\n" for n in (1, 2, 3))


@pytest.fixture
def inventory(tmp_path: Path) -> str:
    path = tmp_path / "inventory.yaml"
    path.write_text(f"cloud: none\nnodes:\n{NODES}")
    return str(path)


def test_a_share_of_less_than_one_node_is_refused_with_one_that_is(
    inventory: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["watch", "--act-on", "c01", "--inventory", inventory]) == Exit.USAGE
    said = capsys.readouterr().err
    assert "--max-share 10 of 3 compute nodes is less than one node" in said
    assert "--max-share 34 allows one" in said


def test_one_look_is_not_enough_to_act_on(inventory: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["watch", "--act-on", "c01", "--max-share", "34", "--once", "--inventory", inventory]
    assert cli.run(words) == Exit.USAGE
    assert "--act-on and --once exclude each other" in capsys.readouterr().err


def test_a_node_that_is_not_there_is_refused(inventory: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["watch", "--act-on", "c09", "--inventory", inventory]) == Exit.REFUSED
    assert "there is no node 'c09'" in capsys.readouterr().err
