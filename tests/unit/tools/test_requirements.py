"""The locks: hashed, without hosts, and complete for what pyproject.toml asks for."""

import re
import tomllib
from pathlib import Path

import pytest

from sources import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+) \\$", re.MULTILINE)


def name_of(path: Path) -> str:
    return path.name


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: str) -> dict[str, str]:
    return {normal(name): version for name, version in PIN.findall((ROOT / "requirements" / lock).read_text())}


@pytest.mark.parametrize("lock", LOCKS, ids=name_of)
def test_a_lock_names_no_place(lock: Path) -> None:
    words = [w for line in lock.read_text().splitlines() if not line.startswith("#") for w in line.split()]
    assert [word for word in words if "://" in word or word.startswith(("-i", "-f", "--index", "--find", "/"))] == []


@pytest.mark.parametrize("lock", LOCKS, ids=name_of)
def test_every_pin_has_a_hash(lock: Path) -> None:
    entries = re.split(r"^(?=[a-z])", lock.read_text(), flags=re.MULTILINE)[1:]
    assert entries
    assert [entry for entry in entries if "--hash=sha256:" not in entry or not PIN.match(entry)] == []


def test_what_the_package_needs_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    needs = [*project["dependencies"], *(need for extra in extras for need in extra)]
    assert {normal(re.split(r"[<>=~!; \[]", need)[0]) for need in needs} - pins("runtime.txt").keys() == set()


def test_one_package_has_one_version_in_all_locks() -> None:
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, version in pins(lock.name).items():
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}
