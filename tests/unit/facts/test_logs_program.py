"""The program for nodes: what it may need, following files, and the journal's entries."""

import ast
import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from stackmend.domain.log_record import LogQuery
from stackmend.facts.logs_answer import order
from stackmend.facts.logs_journal import told
from stackmend.facts.logs_program import MODULES, OLDEST
from stackmend.facts.logs_scan import Order
from stackmend.facts.logs_tail import Follow
from stackmend.rules.logs_services import services_of

FIRST = (
    "2026-11-24 13:16:41.516 912 INFO nova.scheduler [None req-3b260a92 a b - - c d] Host filter only checking c01\n"
)
ERROR = "2026-11-24 13:16:42.516 912 ERROR nova.scheduler [None req-3b260a92 a b - - c d] No host\n"
TRACE = "2026-11-24 13:16:42.516 912 ERROR nova.scheduler Traceback (most recent call last):\n"
END = "2026-11-24 13:16:42.516 912 ERROR nova.scheduler ValueError\n"


@pytest.mark.parametrize("module", MODULES)
def test_a_module_for_nodes_is_of_an_old_python_and_needs_only_its_library_and_earlier_ones(module: str) -> None:
    package, _, name = module.rpartition(".")
    tree = ast.parse((resources.files(package) / f"{name}.py").read_text(), feature_version=OLDEST)
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    ours = {name for name in imported if name.startswith("stackmend")}
    assert ours <= set(MODULES[: MODULES.index(module)])


def follow(top: Path, **conditions: Any) -> Follow:
    asked = order(LogQuery(**conditions), services_of(()), top=str(top))
    return Follow(Order(**json.loads(json.dumps(asked))))


def texts(following: Follow) -> list[str]:
    return ["\n".join([found.record.head.message, *found.record.rest]) for found in following.found()]


def test_new_records_are_followed_whole_and_through_a_rotation(tmp_path: Path) -> None:
    (tmp_path / "nova").mkdir()
    path = tmp_path / "nova/nova-scheduler.log"
    path.write_text(FIRST)
    following = follow(tmp_path)
    assert texts(following) == []
    with path.open("a") as file:
        file.write(ERROR + TRACE)
    assert texts(following) == []  # it may go on
    with path.open("a") as file:
        file.write(END[:20])
        file.flush()
        assert texts(following) == ["No host\nTraceback (most recent call last):"]
        file.write(END[20:] + FIRST)
    path.rename(tmp_path / "nova/nova-scheduler.log.1")
    path.write_text(ERROR)
    following.list()
    assert "Host filter only checking c01" in texts(following)
    following.list()
    assert texts(following) + texts(following) == ["No host"]
    following.close()


def test_following_keeps_to_the_conditions(tmp_path: Path) -> None:
    (tmp_path / "nova").mkdir()
    for name in ("nova-api", "nova-scheduler"):
        (tmp_path / f"nova/{name}.log").write_text(FIRST)
    following = follow(tmp_path, services=("nova-api",), level="ERROR")
    for name in ("nova-api", "nova-scheduler"):
        with (tmp_path / f"nova/{name}.log").open("a") as file:
            file.write(FIRST + ERROR)
    found = [(f.service, f.record.head.level) for _ in range(2) for f in following.found()]
    assert found == [("nova-api", "ERROR")]
    following.close()


def test_entries_of_the_journal_are_records_by_process() -> None:
    def entry(pid: str, message: Any, micro: int, priority: str = "6") -> dict[str, Any]:
        return {
            "_SYSTEMD_UNIT": "nova-compute.service", "_PID": pid, "MESSAGE": message, "PRIORITY": priority,
            "__REALTIME_TIMESTAMP": str(1795526219765723 + micro),
        }  # fmt: skip

    found = list(
        told(
            [
                entry("1115", ERROR.strip(), 0),
                entry("168", "Domain id=10 name='instance-00000017' is tainted: high-privileges", 1, "4"),
                entry("1115", TRACE.strip(), 2),
                entry("1115", "    assert ident == get_ident(greenthread)", 3),
                entry("168", [110, 111, 255], 4, "3"),
            ]
        )
    )
    assert [(unit, record.head.level, record.head.process, len(record.rest)) for unit, _, record in found] == [
        ("nova-compute", "ERROR", 912, 2), ("nova-compute", "WARNING", 168, 0), ("nova-compute", "ERROR", 168, 0)
    ]  # fmt: skip
    assert found[0][1] == 1795526219.765723
