"""The lab's passwords and keys: made at random for each build, kept in files that only root reads."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from pathlib import Path

from stackmend.lab import shell
from stackmend.lab.settings import Settings

NAMES = (  # noqa: SIM905 - read as words
    "admin demo messaging keystone glance placement nova neutron cinder database "
    "db_keystone db_glance db_placement db_nova db_neutron db_cinder db_reader "
    "ceph_mon ceph_client_admin ceph_osd_0 ceph_client_cinder"
).split()


def make(folder: Path, settings: Settings) -> None:
    """Make all secrets of one build in a folder: passwords, the operator's key, the nodes' keys."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    write(folder / "passwords.json", json.dumps({name: secrets.token_hex(16) for name in NAMES}))
    for name in ("ssh_key", "cluster_key", *(f"host_key_{node}" for node in settings.nodes)):
        (folder / name).unlink(missing_ok=True)
        shell.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"stackmend-lab {name}", "-f", str(folder / name)]
        )
    write(folder / "known_hosts", _known_hosts(folder, settings))


def passwords(folder: Path) -> dict[str, str]:
    """Return the passwords by name."""
    found: dict[str, str] = json.loads((folder / "passwords.json").read_text())
    return found


def write(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(text)
    new.rename(path)


def _known_hosts(folder: Path, settings: Settings) -> str:
    def lines() -> Iterable[str]:
        for node in settings.nodes:
            kind, key, *_ = (folder / f"host_key_{node}.pub").read_text().split()
            yield f"{node},{settings.address(node)} {kind} {key}\n"

    return "".join(lines())
