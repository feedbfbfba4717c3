"""Files put into a host's layer before it boots, with the owners and modes that the base system gives their folders."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from string import Template

from stackmend.errors import Code, Failed


class Layer:
    """A host's writable layer while the host has no power.

    Args:
        root: the layer.
        base: the base system below it.
    """

    def __init__(self, root: Path, base: Path) -> None:
        self.root = root
        self._base = base
        self._users = _ids(base / "etc/passwd")
        self._groups = _ids(base / "etc/group")

    def uid(self, user: str) -> int:
        """Return the number of a user of the base system."""
        return self._users[user]

    def put(self, path: str, text: str, *, mode: int = 0o644, owner: str = "root", group: str = "") -> None:
        """Write a file; its folders are made as the base system has them."""
        target = self.root / path.lstrip("/")
        self._folder(target.parent)
        target.unlink(missing_ok=True)
        with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123
            file.write(text)
        target.chmod(mode)
        os.chown(target, self._users[owner], self._groups[group or owner])

    def replace(self, path: str, old: str, new: str) -> None:
        """Write a file of the base system with one piece of its text replaced.

        Raises:
            Failed: the piece is not there just once, as in another version of the package.
        """
        text = (self._base / path).read_text()
        if text.count(old) != 1:
            raise Failed(Code.LAB_BUILD_FAILED, f"{path} has {old!r} {text.count(old)} times where once is expected")
        self.put(path, text.replace(old, new))

    def folder(self, path: str, *, mode: int, owner: str) -> None:
        """Make a folder with an owner and mode of its own."""
        target = self.root / path.lstrip("/")
        self._folder(target)
        target.chmod(mode)
        os.chown(target, self._users[owner], self._groups[owner])

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link."""
        where = self.root / path.lstrip("/")
        self._folder(where.parent)
        where.unlink(missing_ok=True)
        where.symlink_to(target)

    def mask(self, unit: str) -> None:
        """Make systemd never start a unit."""
        self.link(f"etc/systemd/system/{unit}", "/dev/null")

    def _folder(self, folder: Path) -> None:
        if folder.exists():
            return
        if folder != self.root:
            self._folder(folder.parent)
        folder.mkdir()
        below = self._base / folder.relative_to(self.root)
        if below.is_dir():
            found = below.stat()
            folder.chmod(stat.S_IMODE(found.st_mode))
            os.chown(folder, found.st_uid, found.st_gid)
        else:
            folder.chmod(0o755)


def template(name: str, values: Mapping[str, str]) -> str:
    """Return a file of the package with its ``${…}`` filled in."""
    text = (resources.files("stackmend.lab") / "files" / name).read_text()
    return Template(text).substitute(values)


def _ids(path: Path) -> dict[str, int]:
    return {f[0]: int(f[2]) for f in (line.split(":") for line in path.read_text().splitlines())}
