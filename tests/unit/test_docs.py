"""The documentation against the code: nothing in it may be made up, gone or unreachable."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import reference
import sources
from stackmend.errors import Code
from stackmend.inventory.loader import load

PAGES = sorted([*sources.ROOT.glob("*.md"), *(sources.ROOT / "docs").rglob("*.md")])
HAND_WRITTEN = [page for page in PAGES if page.parent != reference.PLACE]
COMMANDS = {name: context.command for name, context in sources.commands()}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HINT = re.compile(r"[`']stackmend ([a-z-]+)")


def name_of(page: Path) -> str:
    return str(page.relative_to(sources.ROOT))


def fences(page: Path, *languages: str) -> Iterator[str]:
    yield from (text for language, text in FENCE.findall(page.read_text()) if language in languages)


def typed(page: Path) -> Iterator[str]:
    """Yield every command line that a page tells to type: after ``$`` or ``#`` in consoles, and in backticks."""
    for block in fences(page, "console"):
        yield from re.findall(r"^[#$] (?:\.venv/bin/)?((?:stackmend|make) .*)$", block, re.MULTILINE)
    prose = FENCE.sub("", page.read_text())
    yield from re.findall(r"`((?:stackmend|make) [^`]+)`", prose)


def complaint(line: str) -> str:
    """Return why a line cannot be typed; empty where it can."""
    words = shlex.split(re.split(r"\s[&|;>]", line)[0], comments=True)
    if words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (sources.ROOT / "Makefile").read_text(), re.MULTILINE)
        return "" if words[1] in targets else f"no such target: {line}"
    depth = max(n for n in range(1, len(words) + 1) if " ".join(words[:n]) in COMMANDS)
    command, rest = COMMANDS[" ".join(words[:depth])], words[depth:]
    if isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        return f"no such command: {line}"
    known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)} | {"--help", "-h"}
    given = {word.partition("=")[0] for word in rest[: rest.index("--") if "--" in rest else None] if word[0] == "-"}
    return f"no such option: {line}" if given - known else ""


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.timeout(60)  # it imports all there is, and the lab is built meanwhile
def test_the_reference_is_what_the_code_says() -> None:
    assert reference.stale() == [], "run: make docs"


@pytest.mark.parametrize("page", HAND_WRITTEN, ids=name_of)
def test_every_command_in_the_docs_can_be_typed(page: Path) -> None:
    assert [found for found in map(complaint, typed(page)) if found] == []


@pytest.mark.parametrize(
    "line", ["stackmend node drayn c01", "stackmend node drain c01 --plna", "make tset", "stackmend stauts"]
)
def test_a_command_that_cannot_be_typed_is_noticed(line: str) -> None:
    assert complaint(line)


@pytest.mark.parametrize("page", HAND_WRITTEN, ids=name_of)
def test_every_link_in_the_docs_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page.read_text()))
    local = [link for link in links if "://" not in link]
    broken = [link for link in local if not (page.parent / link.partition("#")[0]).exists()]
    assert broken == []
    pointed = [
        (page if link[0] == "#" else page.parent / link.partition("#")[0], link) for link in local if "#" in link
    ]
    assert [link for target, link in pointed if link.partition("#")[2] not in anchors(target)] == []


@pytest.mark.parametrize("page", HAND_WRITTEN, ids=name_of)
def test_every_inventory_in_the_docs_loads(page: Path, tmp_path: Path) -> None:
    for number, (language, text) in enumerate(FENCE.findall(page.read_text())):
        if language in {"yaml", "ini"} and ("nodes:" in text or "ansible_host" in text):
            file = tmp_path / f"{number}.{language}"
            file.write_text(text)
            assert load(file, "").nodes


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_is_a_title_only_or_says_that_it_will_be_written(page: Path) -> None:
    text = page.read_text()
    assert len(text.split()) > 40
    assert not re.search(r"\bTODO\b|\bTBD\b|coming soon|PLACEHOLDER", text)


def test_every_decision_is_in_the_index() -> None:
    folder = sources.ROOT / "docs" / "adr"
    linked = set(re.findall(r"\]\((0\d{3}-[^)]+)\)", (folder / "README.md").read_text()))
    assert linked == {page.name for page in folder.glob("0*.md")}


@pytest.mark.timeout(60)
def test_every_error_code_is_used() -> None:
    assert {code.name for code in Code} - sources.codes_in_use() == set()


def test_every_error_code_has_a_meaning_of_its_own() -> None:
    meanings = [code.meaning for code in Code]
    assert len(set(meanings)) == len(meanings)
    assert [meaning for meaning in meanings if not re.fullmatch(r"[A-Z].{15,}\.", meaning)] == []


def test_every_command_that_a_hint_in_the_code_names_is_there() -> None:
    texts = [path.read_text() for path in sources.SOURCE.rglob("*.py")]
    named = {name for text in texts for name in HINT.findall(text)}
    assert {name for name in named if f"stackmend {name}" not in COMMANDS} == set()
