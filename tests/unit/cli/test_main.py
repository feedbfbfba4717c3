"""The root of the command line: exit statuses, one clear line for what goes wrong, and what is imported when."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bench import Workbench

from stackmend import __version__
from stackmend.cli import main as cli
from stackmend.errors import Exit

LATE = ("rich", "sqlalchemy", "asyncssh", "openstack", "keystoneauth1", "yaml", "sqlite3", "stackmend.engine")


def test_version_imports_nothing_that_is_slow() -> None:
    code = (
        "import sys; from stackmend.cli.main import run; status = run(['--version'])\n"
        f"print([name for name in {LATE!r} if name in sys.modules]); sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"stackmend {__version__}", "[]"]


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == Exit.DONE
    words = capsys.readouterr().out.split()
    assert set(cli.COMMANDS) <= set(words)


def test_a_wrong_word_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["nonesuch"]) == Exit.USAGE
    assert "No such command 'nonesuch'" in capsys.readouterr().err


def test_a_refusal_is_one_line_and_a_hint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["runs", "show", "r-9", "--state", str(tmp_path)]) == Exit.REFUSED
    assert capsys.readouterr().err.splitlines() == [
        "refused run-unknown: there is no run 'r-9'",
        "  hint: stackmend runs list shows them",
    ]


@pytest.mark.parametrize("words", [["-f", "json"], ["-fjson"], ["--format=json"], ["--format", "json"]])
def test_a_refusal_is_json_where_that_was_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert cli.run(["runs", "show", "r-9", "--state", str(tmp_path), *words]) == Exit.REFUSED
    assert json.loads(capsys.readouterr().err)["error"]["code"] == "run-unknown"


def test_a_bug_is_one_line_and_a_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cli, "COMMANDS", {"broken": "stackmend.cli.nonesuch:broken"})
    assert cli.run(["broken"]) == Exit.FAILED
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("failed: ModuleNotFoundError: ")
    path = Path(line.rpartition(" ")[2].rstrip(")"))
    assert "Traceback" in path.read_text()
    path.unlink()


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"web": {"sent": 1}}', '{"web": 3}'])
def test_probes_that_are_none_and_a_page_that_cannot_be_written_are_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    bench = Workbench.at(tmp_path)
    run = bench.begin()
    bench.journal.close()
    (tmp_path / "probes.json").write_text(text)
    show = ["runs", "show", run.id, "--state", str(tmp_path / "state"), "--html"]
    assert cli.run([*show, str(tmp_path / "x.html"), "--probes", str(tmp_path / "probes.json")]) == Exit.USAGE
    assert "does not hold probes by instance" in capsys.readouterr().err
    assert cli.run([*show, str(tmp_path / "none" / "x.html")]) == Exit.USAGE
    assert "cannot be written: No such file or directory" in capsys.readouterr().err


def test_runs_are_listed_shown_and_written_as_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Workbench.at(tmp_path)
    bench.flag("d.broken")
    run = bench.begin()
    bench.journal.close()
    state = ["--state", str(tmp_path / "state")]
    assert cli.run(["runs", "list", "-f", "json", *state]) == Exit.DONE
    assert [row["id"] for row in json.loads(capsys.readouterr().out)] == [run.id]
    assert cli.run(["runs", "show", "c01", *state]) == Exit.DONE
    assert f"stackmend runs retry {run.id} write/d" in capsys.readouterr().out
    assert cli.run(["runs", "show", run.id, "--html", str(tmp_path / "run.html"), *state]) == Exit.DONE
    assert "Write six files" in (tmp_path / "run.html").read_text()


def test_abort_needs_no_cloud(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Workbench.at(tmp_path)
    bench.flag("b.broken")
    run = bench.begin()
    bench.journal.close()
    assert cli.run(["runs", "abort", run.id, "--state", str(tmp_path / "state")]) == Exit.DONE
    assert capsys.readouterr().out.splitlines() == [
        f"{run.id} is aborted",
        "Left in the world:",
        "  write/a: Write a (done): wrote a",
        "  write/b: Write b (begun, perhaps half done): b broke",
    ]
    assert cli.run(["runs", "list", "--open", "--state", str(tmp_path / "state")]) == Exit.DONE
    assert capsys.readouterr().out == "none\n"
