"""Which Debian archive this machine itself uses, read from its apt configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from stackmend.errors import Code, Failed
from stackmend.lab import shell


@dataclass(frozen=True)
class Mirror:
    """An archive, and the security archive beside it where there is one.

    Attributes:
        main: URI of the Debian archive.
        security: URI of its security updates; empty for none.
    """

    main: str
    security: str = ""


@dataclass(frozen=True)
class _Entry:
    uri: str
    suite: str


def machine_mirror(etc_apt: Path = Path("/etc/apt")) -> Mirror:
    """Return the mirror that this machine is set up with.

    Raises:
        Failed: apt's configuration names no Debian archive.
    """
    entries: list[_Entry] = []
    lists = [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))]
    for path in lists:
        if path.suffix == ".sources":
            entries += _deb822(path.read_text())
        elif path.suffix == ".list" and path.is_file():
            entries += _one_line(path.read_text())
    return choose(entries)


def choose(entries: list[_Entry]) -> Mirror:
    """Return the first archive of Debian's own releases, and the first of its security updates."""
    main = [e.uri for e in entries if re.fullmatch(r"(bookworm|trixie|forky|sid|stable|testing)/?", e.suite)]
    security = [e.uri for e in entries if re.fullmatch(r"\w+[-/]security/?", e.suite)]
    debian = [uri for uri in main if "debian" in uri] or main
    if not debian:
        raise Failed(
            Code.LAB_BUILD_FAILED,
            "This machine's apt configuration names no Debian archive",
            hint="Add one to /etc/apt/sources.list or /etc/apt/sources.list.d.",
        )
    return Mirror(_plain(debian[0]), _plain(security[0]) if security else "")


def _plain(uri: str) -> str:
    """Return an archive's URI; of a list of mirrors in a file, the first."""
    scheme, _, path = uri.partition(":")
    if scheme == "mirror+file":
        lines = Path(path).read_text().splitlines()
        uri = next(line.split()[0] for line in lines if line.strip() and not line.startswith("#"))
    return uri.rstrip("/")


def _one_line(text: str) -> list[_Entry]:
    found = []
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)", line)
        if match:
            found.append(_Entry(match[1], match[2]))
    return found


def _deb822(text: str) -> list[_Entry]:
    found = []
    for stanza in re.split(r"\n\s*\n", text):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in {"no", "false"}:
            continue
        found += [_Entry(uri, suite) for uri in fields.get("uris", "").split() for suite in fields["suites"].split()]
    return found


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace():
            if name:
                fields[name] += " " + line.strip()
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    fields.setdefault("suites", "")
    return fields


def apt_options() -> str:
    """Return the machine's own settings for reaching archives (proxies and the like), in apt's syntax."""
    dump = shell.run(["apt-config", "dump", "--format", '%f "%v";%n', "Acquire"])
    wanted = ("Acquire::http", "Acquire::https", "Acquire::ForceIPv4", "Acquire::ForceIPv6")
    return "".join(line + "\n" for line in dump.splitlines() if line.startswith(wanted) and '""' not in line)
