"""What the Python programs of a command tell of their requests, by a module that Python itself starts in them."""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from stackmend.domain.trace import Call
from stackmend.rules.trace_calls import project

MODULE = "sitecustomize.py"
SAID = "requests.jsonl"
LOADED = "loaded"


@dataclass(frozen=True)
class Told:
    """What was told until now.

    Attributes:
        programs: how many Python programs were started that would tell.
        calls: in the order of time.
        sent: global request ids that were sent, ours and the programs' own.
    """

    programs: int
    calls: tuple[Call, ...]
    sent: tuple[str, ...]


@dataclass(frozen=True)
class Listener:
    """A folder with the module, and the file that it writes to.

    Attributes:
        folder: only this user reads it; it goes with the command.
        request: the global request id that is sent with every request that has none.
    """

    folder: Path
    request: str

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """Return an environment in which Python programs tell."""
        path = inherited.get("PYTHONPATH", "")
        return {
            **inherited,
            "PYTHONPATH": str(self.folder) + (os.pathsep + path if path else ""),
            "STACKMEND_TRACE_FILE": str(self.folder / SAID),
            "STACKMEND_TRACE_REQUEST": self.request,
        }

    def told(self) -> Told:
        """Return what was told until now; a line that is not whole yet is left out."""
        whole, _, _ = (self.folder / SAID).read_text(errors="replace").rpartition("\n")
        lines = [json.loads(line) for line in whole.splitlines() if line.startswith("{") and line.endswith("}")]
        calls = sorted((_call(line) for line in lines if LOADED not in line), key=lambda call: call.time)
        sent = dict.fromkeys(str(line["sent"]) for line in lines if line.get("sent"))
        return Told(sum(LOADED in line for line in lines), tuple(calls), tuple(sent))


@contextmanager
def listening() -> Iterator[Listener]:
    """Give a listener for one command, and take it away at the end."""
    module = (resources.files("stackmend.facts") / "files" / MODULE).read_text()
    with tempfile.TemporaryDirectory(prefix="stackmend-trace-", ignore_cleanup_errors=True) as folder:
        (Path(folder) / MODULE).write_text(module)
        (Path(folder) / SAID).touch(mode=0o600)
        yield Listener(Path(folder), f"req-{uuid.uuid4()}")


def _call(line: Mapping[str, Any]) -> Call:
    return Call(
        datetime.fromtimestamp(line["time"], UTC),
        str(line["method"]),
        str(line["url"]),
        int(line["status"]),
        str(line["request"]),
        project(str(line["url"])),
        str(line["error"]),
    )
