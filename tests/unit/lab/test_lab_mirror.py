"""The mirror that a machine's apt configuration names, in the forms that machines have."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackmend.errors import Code, Failed
from stackmend.lab.mirror import Mirror, machine_mirror

DEB822 = """\
Types: deb
# a snapshot that nobody uses
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
"""
FOLDED = """\
Enabled: yes
Types: deb
 deb-src
URIs:
 https://one.example/debian/
 https://two.example/debian/
Suites: trixie
Components: main
"""
DISABLED = "Enabled: no\nTypes: deb\nURIs: http://off.example/debian\nSuites: trixie\nComponents: main\n"
SOURCES_ONLY = "Types: deb-src\nURIs: http://src.example/debian\nSuites: trixie\nComponents: main\n"
FOREIGN = "deb [signed-by=/etc/apt/keyrings/node.gpg] https://node.example/node_20.x nodistro main\n"
ONE_LINE = """\
# deb http://old.example/debian bullseye main
deb-src http://mirror.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] http://mirror.example/debian/ bookworm main contrib
deb http://security.example/debian-security bookworm-security main
"""
OLD_SECURITY = "deb http://mirror.example/debian stable main\ndeb http://mirror.example/security stable/security main\n"


def machine(etc: Path, **files: str) -> Path:
    (etc / "sources.list.d").mkdir(parents=True)
    for name, text in files.items():
        path = etc / "sources.list" if name == "sources_list" else etc / "sources.list.d" / name.replace("_", ".")
        path.write_text(text)
    return etc


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"debian_sources": DEB822}, Mirror("http://mirror.example/debian", "http://mirror.example/debian-security")),
        ({"debian_sources": FOLDED}, Mirror("https://one.example/debian")),
        ({"a_sources": DISABLED, "b_sources": FOLDED}, Mirror("https://one.example/debian")),
        ({"a_sources": SOURCES_ONLY, "b_sources": FOLDED}, Mirror("https://one.example/debian")),
        ({"a_list": FOREIGN, "debian_sources": FOLDED}, Mirror("https://one.example/debian")),
        ({"sources_list": ONE_LINE}, Mirror("http://mirror.example/debian", "http://security.example/debian-security")),
        ({"sources_list": OLD_SECURITY}, Mirror("http://mirror.example/debian", "http://mirror.example/security")),
        ({"sources_list": "", "debian_sources": FOLDED, "x_save": ONE_LINE}, Mirror("https://one.example/debian")),
    ],
)
def test_the_first_debian_archive_is_taken(tmp_path: Path, files: dict[str, str], expected: Mirror) -> None:
    assert machine_mirror(machine(tmp_path / "apt", **files)) == expected


def test_a_list_of_mirrors_gives_its_first(tmp_path: Path) -> None:
    mirrors = tmp_path / "debian.list"
    mirrors.write_text("# near\n\nhttps://near.example/debian\tpriority:1\nhttps://far.example/debian\n")
    text = f"Types: deb\nURIs: mirror+file:{mirrors}\nSuites: trixie\nComponents: main\n"
    assert machine_mirror(machine(tmp_path / "apt", debian_sources=text)) == Mirror("https://near.example/debian")


@pytest.mark.parametrize("text", ["", FOREIGN, "deb http://mirror.example/ubuntu noble main\n"])
def test_a_machine_without_debian_is_said_to_be_one(tmp_path: Path, text: str) -> None:
    with pytest.raises(Failed) as caught:
        machine_mirror(machine(tmp_path / "apt", sources_list=text))
    assert caught.value.code is Code.LAB_BUILD_FAILED


def test_no_configuration_at_all(tmp_path: Path) -> None:
    with pytest.raises(Failed):
        machine_mirror(tmp_path / "none")
