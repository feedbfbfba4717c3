"""What the documentation is made of, read from the code: commands, codes, actions, findings and variables."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click

from stackmend import actions
from stackmend.actions.base import Action
from stackmend.cli.main import root

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "stackmend"
WIDTH = 100
_VARIABLE = re.compile(r"\$?\{?(STACKMEND_[A-Z_]+)\b")


def commands(
    command: click.Command = root, name: str = "stackmend", parent: click.Context | None = None
) -> Iterator[tuple[str, click.Context]]:
    """Yield every command's full name and context, a group before its members, members by name."""
    context = command.make_context(name.rpartition(" ")[2], [], parent=parent, resilient_parsing=True)
    context.terminal_width = WIDTH
    yield name, context
    if isinstance(command, click.Group):
        for member in sorted(command.list_commands(context)):
            found = command.get_command(context, member)
            if found is not None and not found.hidden:
                yield from commands(found, f"{name} {member}", context)


def action_classes() -> list[type[Action]]:
    """Return every kind of action, by its name."""
    for module in pkgutil.iter_modules(actions.__path__):
        import_module(f"{actions.__name__}.{module.name}")
    descendants = _descendants(Action)  # type: ignore[type-abstract]  # it is only asked for its subclasses
    return sorted((c for c in descendants if c.__module__.startswith("stackmend.")), key=lambda c: c.name)


def _descendants(cls: type[Action]) -> Iterator[type[Action]]:
    for child in cls.__subclasses__():
        yield child
        yield from _descendants(child)


def findings() -> dict[str, str]:
    """Return each finding's code, and what the functions that decide on it say that they judge."""
    judged: dict[str, list[str]] = {}
    for function in (node for tree in _trees() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        sentence = paragraph(ast.get_docstring(function) or "").removeprefix("Judge ")
        for code in set(_codes_of_findings(function)):
            judged.setdefault(code, [])
            if sentence and not sentence.startswith("Return "):
                judged[code].append(sentence[0].upper() + sentence[1:])
    silent = [code for code, sentences in judged.items() if not sentences]
    if silent:
        raise SystemExit(f"no docstring says what is judged by these findings: {', '.join(silent)}")
    return {code: " ".join(sentences) for code, sentences in sorted(judged.items())}


def _codes_of_findings(function: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding" and node.args:
            code = node.args[0]
            if isinstance(code, ast.Constant) and isinstance(code.value, str):
                yield code.value


def variables() -> set[str]:
    """Return the names of the environment variables that a text in the code names."""
    texts = (node.value for tree in _trees() for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {name for text in texts if isinstance(text, str) for name in _VARIABLE.findall(text)}


def codes_in_use() -> set[str]:
    """Return the names of the error codes that the code mentions, where they are defined apart."""
    trees = (ast.parse(path.read_text()) for path in SOURCE.rglob("*.py") if path != SOURCE / "errors.py")
    nodes = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return {node.attr for node in nodes if isinstance(node.value, ast.Name) and node.value.id == "Code"}


def _trees() -> Iterator[ast.Module]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield ast.parse(path.read_text())


def paragraph(docstring: str) -> str:
    """Return the first paragraph as one line of Markdown."""
    return markdown(" ".join(inspect.cleandoc(docstring).partition("\n\n")[0].split()))


def markdown(text: str) -> str:
    """Return a docstring's text with Markdown's marks for code."""
    return text.replace("``", "`")


def attributes(cls: type) -> dict[str, str]:
    """Return the fields of a dataclass and what its docstring says of each."""
    section = inspect.cleandoc(cls.__doc__ or "").partition("Attributes:\n")[2]
    entries = re.findall(r"^    (\w+): (.*(?:\n     +\S.*)*)", section, re.MULTILINE)
    return {name: markdown(" ".join(text.split())) for name, text in entries}
