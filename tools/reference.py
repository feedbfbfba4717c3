"""Write docs/reference from the code; with --check, fail where what lies there is not what the code says."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable

import sources
from stackmend.domain.node import Canary, Hook, Node, Role, SshAccess
from stackmend.domain.power import PowerController
from stackmend.errors import Code, Exit, Failed, Refused, StackmendError, UsageError
from stackmend.inventory.groups import GROUPS
from stackmend.inventory.hooks import BUILT_IN

PLACE = sources.ROOT / "docs" / "reference"
NOTE = "<!-- Written by `make docs` from the code; change it there. -->"

VARIABLES = {
    "STACKMEND_CRASH_AT": "For tests: number of the journal record at which the process kills itself.",
    "STACKMEND_INVENTORY": "Path of the inventory; `--inventory` wins over it.",
    "STACKMEND_STATE": "Directory of the journal, where runs are kept.",
    "STACKMEND_LAB_BRIDGE": "Name of the lab's bridge.",
    "STACKMEND_LAB_CACHE": "Directory of the lab's base system, which `lab down` keeps.",
    "STACKMEND_LAB_COMPUTES": "Number of the lab's compute nodes.",
    "STACKMEND_LAB_DIR": "Directory of the running lab: its hosts' disks, keys and logs.",
    "STACKMEND_LAB_SUBNET": "A private /24 network for the lab's hosts.",
}
NO_SETTINGS = {
    "STACKMEND_END_OF_INPUT", "STACKMEND_END_OF_PROGRAM",  # words in scripts that look like variables
    "STACKMEND_TRACE_FILE", "STACKMEND_TRACE_REQUEST",  # told to the programs of a traced command
}  # fmt: skip
"""What no person sets."""

STATUSES: dict[Exit, str] = {
    Exit.DONE: "Done; or there was nothing to do.",
    **{c.exit_status: sources.paragraph(c.__doc__ or "") for c in (Failed, UsageError, Refused)},
    Exit.PAUSED: "A run stopped between steps and waits for a person's decision.",
}


def page(title: str, intro: str, body: Iterable[str]) -> str:
    """Return a page's Markdown."""
    return "\n\n".join([NOTE, f"# {title}", intro, *body]) + "\n"


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines)


def commands() -> str:
    """Return the page of commands: each one's own help."""
    body = (f"## {name}\n\n```text\n{context.get_help()}\n```" for name, context in sources.commands())
    return page("Commands", "What each command says of itself with `--help`.", body)


def errors() -> str:
    """Return the page of exit statuses and error codes."""
    statuses = table(("exit status", "meaning"), ((f"{s.value}", STATUSES[s]) for s in Exit))
    codes = table(("code", "meaning"), ((f"`{code}`", code.meaning) for code in Code))
    intro = sources.markdown(inspect.cleandoc(StackmendError.__doc__ or "").partition("\n")[0])
    intro += " It has a stable code, one sentence, mostly a hint and, where something failed, the evidence."
    return page("Errors", intro, ["## Exit statuses", statuses, "## Codes", codes])


def actions() -> str:
    """Return the page of actions."""
    body = (
        f"## {action.name}\n\n{sources.markdown(inspect.cleandoc(action.__doc__ or ''))}"
        for action in sources.action_classes()
    )
    return page("Actions", "The single changes that plans are made of; a plan's JSON names them.", body)


def findings() -> str:
    """Return the page of findings."""
    rows = ((f"`{code}`", sentence) for code, sentence in sources.findings().items())
    intro = "The codes of the checks. A finding is ok, warning, failed or unknown, and carries a sentence."
    return page("Findings", intro, [table(("code", "what it judges"), rows)])


def environment() -> str:
    """Return the page of environment variables."""
    used = sources.variables() - NO_SETTINGS
    if used != VARIABLES.keys():
        odd = ", ".join(sorted(used ^ VARIABLES.keys()))
        raise SystemExit(f"tools/reference.py and the code do not name the same environment variables: {odd}")
    rows = ((f"`{name}`", meaning) for name, meaning in sorted(VARIABLES.items()))
    intro = "Besides these, openstacksdk's own variables count: `OS_CLOUD`, `OS_CLIENT_CONFIG_FILE` and the rest."
    return page("Environment variables", intro, [table(("variable", "meaning"), rows)])


def inventory() -> str:
    """Return the page of the inventory's fields, roles and hooks."""
    node = {
        "address": "host name or address; the node's name where it is left out.",
        **{name: text for name, text in sources.attributes(Node).items() if name not in {"name", "ssh"}},
        "ssh": "how to reach it: the fields below; those left out are the file's own `ssh`.",
        "power": "what gives it power and takes it: the fields below; those left out are the file's own `power`.",
    }
    ssh = {name: text for name, text in sources.attributes(SshAccess).items() if name != "address"}
    hook = {name: text for name, text in sources.attributes(Hook).items() if name != "name"}
    roles = ((f"`{role}`", ", ".join(f"`{group}`" for group in GROUPS[role])) for role in Role)
    hooks = ((f"`{h.name}`", f"`{h.disable}`", f"`{h.enable}`") for h in BUILT_IN.values())
    body = [
        "## A node",
        _fields(node),
        "## ssh",
        _fields(ssh),
        "## power",
        _fields(sources.attributes(PowerController)),
        f"## canary\n\n{sources.paragraph(Canary.__doc__ or '')}",
        "## A hook",
        _fields(hook),
        "The hooks that are there without being written down:",
        table(("hook", "disable", "enable"), hooks),
        "## Roles, and the groups of an Ansible inventory that stand for them",
        table(("role", "groups"), roles),
    ]
    guide = "[How to describe your cloud](../howto/describe-your-cloud.md)"
    intro = f"The fields of stackmend's own inventory. {guide} shows them in use."
    return page("Inventory", intro, body)


def _fields(fields: dict[str, str]) -> str:
    return table(("field", "meaning"), ((f"`{name}`", text) for name, text in fields.items()))


PAGES = {
    "actions.md": actions,
    "commands.md": commands,
    "environment.md": environment,
    "errors.md": errors,
    "findings.md": findings,
    "inventory.md": inventory,
}


def stale() -> list[str]:
    """Return the names of the pages that are not what the code says, and of those that should not be there."""
    there = {path.name: path.read_text() for path in PLACE.glob("*.md")}
    written = {name: make() for name, make in PAGES.items()}
    return sorted(name for name in there.keys() | written.keys() if there.get(name) != written.get(name))


def main() -> None:
    """Write the pages, or check them."""
    if "--check" in sys.argv[1:]:
        found = stale()
        sys.exit(f"not what the code says: {', '.join(found)}; run: make docs" if found else 0)
    PLACE.mkdir(parents=True, exist_ok=True)
    for name, make in PAGES.items():
        (PLACE / name).write_text(make())


if __name__ == "__main__":
    main()
