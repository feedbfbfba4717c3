"""What a living node says of directories of instances: a copy that a salvage put there is no evidence, however new."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from stackmend.facts.sight import looking_script


def test_a_directory_that_a_salvage_marked_looks_as_old_as_can_be(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "disk").touch()
    (tmp_path / "two" / ".stackmend-salvage").write_text("r-1\n")
    script = looking_script(shlex.quote(str(tmp_path)), ["one", "two", "three"])
    lines = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()
    stamps = dict(line.split() for line in lines)
    assert list(stamps) == ["one", "two"]
    assert float(stamps["one"]) > 0
    assert float(stamps["two"]) == 0
