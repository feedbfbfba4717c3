"""The command line's root; command groups are imported when they are called."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING

import click

from stackmend import __version__
from stackmend.errors import Exit, StackmendError

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMANDS: Mapping[str, str] = {
    "init": "stackmend.cli.init:init",
    "instance": "stackmend.cli.instance:instance",
    "instance-dirs": "stackmend.cli.instance_dirs:instance_dirs",
    "lab": "stackmend.cli.lab:lab",
    "logs": "stackmend.cli.logs:logs",
    "node": "stackmend.cli.node:node",
    "runs": "stackmend.cli.runs:runs",
    "status": "stackmend.cli.status:status",
    "trace": "stackmend.cli.trace:trace",
    "volume": "stackmend.cli.volume:volume",
    "watch": "stackmend.cli.watch:watch",
}
"""Each command and where it is; nothing else of ours is imported before it is called."""

SAME: Mapping[str, str] = {"server": "instance"}
"""What else commands may be called; not listed."""

INTERRUPTED_STATUS = 130
BROKEN_PIPE_STATUS = 141
"""128 and the number of the signal, as a shell gives them."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, or listed by ``--help``."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands' names."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command."""
        cmd_name = SAME.get(cmd_name, cmd_name)
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name]} is no command")
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="stackmend", message="%(prog)s %(version)s")
def root() -> None:
    """Maintenance, failure recovery and debugging for OpenStack clouds."""


def main() -> None:
    """Run the command line and exit with its status."""
    sys.exit(run(sys.argv[1:]))


def run(args: Sequence[str]) -> int:
    """Run the command line and return the exit status; whatever goes wrong becomes a line or a few on stderr."""
    try:
        status = root.main(args=list(args), prog_name="stackmend", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED_STATUS
    except StackmendError as error:
        return _report(error, args)
    except BrokenPipeError:
        # Python would try to flush what nobody reads, once more, at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE_STATUS
    # Supervision point two of three: a bug is one line for the operator, and a file for whoever mends it.
    except Exception as error:  # noqa: BLE001
        return _bug(error)
    return int(status or Exit.DONE)


def _report(error: StackmendError, args: Sequence[str]) -> int:
    from stackmend.render.errors import show_error  # noqa: PLC0415 - only needed where something went wrong

    show_error(error, as_json=_wants_json(args))
    return error.exit_status


def _wants_json(args: Sequence[str]) -> bool:
    """Return whether the call asked for JSON; the words are looked at, as a call may fail before they are parsed."""
    if {"-fjson", "--format=json"} & set(args):
        return True
    return any(pair in {("-f", "json"), ("--format", "json")} for pair in pairwise(args))


def _bug(error: Exception) -> int:
    with tempfile.NamedTemporaryFile("w", prefix="stackmend-bug-", suffix=".txt", delete=False) as file:
        file.write("".join(traceback.format_exception(error)))
    click.echo(f"failed: {type(error).__name__}: {error} (a bug; the traceback is in {file.name})", err=True)
    return Exit.FAILED
