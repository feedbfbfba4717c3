"""Who clears a cache out leaves what a running host is on."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from stackmend.lab import holds

HOLD = 'exec 8< "$0"; flock -s 8; echo held; cat'
"""As host.sh does it, until its standard input ends."""


@pytest.mark.parametrize("layer", [".", "layers/c01"])
def test_a_folder_is_left_while_a_host_is_on_it(tmp_path: Path, layer: str) -> None:
    folder = tmp_path / "golden-0123"
    (folder / "layers/c01").mkdir(parents=True)
    holder = ["sh", "-c", HOLD, str(folder / layer)]
    with subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as host:
        assert host.stdout is not None
        assert host.stdin is not None
        assert host.stdout.readline() == b"held\n"
        holds.clear_out(folder)
        assert (folder / "layers/c01").is_dir()
        host.stdin.close()
    holds.clear_out(folder)
    assert not folder.exists()


def test_what_is_not_there_needs_no_clearing(tmp_path: Path) -> None:
    holds.clear_out(tmp_path / "golden.building")
    assert list(tmp_path.iterdir()) == []
