"""The program that reads the logs of one machine: our own modules in one text, which any Python 3.8 runs by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

MODULES = (
    "stackmend.rules.logs_lines",
    "stackmend.rules.logs_templates",
    "stackmend.rules.logs_masking",
    "stackmend.facts.logs_files",
    "stackmend.facts.logs_records",
    "stackmend.facts.logs_journal",
    "stackmend.facts.logs_tally",
    "stackmend.facts.logs_scan",
    "stackmend.facts.logs_tail",
)
"""In the order in which they need each other. They may import one another and Python's own library, nothing else."""

OLDEST = (3, 8)
"""The Python that a node needs at least."""

_START = f"""
import sys, types
if sys.version_info < {OLDEST}:
    sys.exit("python3 is %d.%d there, and {OLDEST[0]}.{OLDEST[1]} is needed" % sys.version_info[:2])
def _module(name, text, package=False):
    module = sys.modules[name] = types.ModuleType(name)
    if package:
        module.__path__ = []
    exec(compile(text, name, "exec"), module.__dict__)
"""


def program(entry: str, asked: Mapping[str, Any]) -> str:
    """Return the text of the program.

    Args:
        entry: the module of ``MODULES`` whose ``main`` is called.
        asked: what ``main`` is given, JSON-ready.
    """
    call = f"from {entry} import main\nimport json\nmain(json.loads({json.dumps(asked)!r}))\n"
    return _modules() + call


def script(entry: str, asked: Mapping[str, Any]) -> str:
    """Return a shell script that runs the program on a node."""
    end = "STACKMEND_END_OF_PROGRAM"
    missing = 'echo "there is no python3" >&2; exit 127'
    return (
        f"command -v python3 >/dev/null || {{ {missing}; }}\npython3 -I -B - <<'{end}'\n{program(entry, asked)}{end}\n"
    )


@cache
def _modules() -> str:
    packages = sorted({name.rpartition(".")[0] for name in MODULES} | {"stackmend"})
    lines = [f"_module({name!r}, '', package=True)\n" for name in packages]
    return _START + "".join(lines) + "".join(f"_module({name!r}, {_source(name)!r})\n" for name in MODULES)


def _source(module: str) -> str:
    package, _, name = module.rpartition(".")
    return (resources.files(package) / f"{name}.py").read_text()
