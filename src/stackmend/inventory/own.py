"""stackmend's own inventory file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stackmend.domain.node import Canary, Hook, Inventory, Node, Role, SshAccess
from stackmend.domain.values import NodeName
from stackmend.inventory.hooks import BUILT_IN
from stackmend.inventory.problem import Place, mapping, only, text, texts

_TOP = {"cloud", "ssh", "nodes", "canary", "hooks", "settings"}
_NODE = {"address", "roles", "ssh", "hooks"}
_SSH: dict[str, type] = {"user": str, "port": int, "key": str, "known_hosts": str, "jump": str, "sudo": bool}
_KINDS = {str: "a text", int: "a number", bool: "true or false"}
_PATHS = {"key", "known_hosts"}


def read(data: dict[str, Any], place: Place) -> Inventory:
    """Return the inventory that a file says.

    Args:
        data: the parsed file.
        place: the file.

    Raises:
        Refused: INVENTORY_MALFORMED, with line and field.
    """
    only(_TOP, data, place)
    hooks = dict(BUILT_IN) | _hooks(data.get("hooks"), place / "hooks")
    reader = _Nodes(_access(SshAccess(""), data.get("ssh"), place / "ssh"), hooks)
    nodes = mapping(data.get("nodes"), place / "nodes")
    if not nodes:
        raise (place / "nodes").wrong("there is no node")
    return Inventory(
        cloud=text(data["cloud"], place / "cloud") if "cloud" in data else "",
        nodes={NodeName(name): reader.node(NodeName(name), raw, place / "nodes" / name) for name, raw in nodes.items()},
        canary=_canary(data["canary"], place / "canary") if data.get("canary") else None,
        source=str(place.file),
        settings={k: str(v) for k, v in mapping(data.get("settings"), place / "settings").items()},
    )


@dataclass(frozen=True)
class _Nodes:
    """Reads nodes, with the file's defaults for SSH and its hooks."""

    defaults: SshAccess
    hooks: dict[str, Hook]

    def node(self, name: NodeName, raw: Any, place: Place) -> Node:  # noqa: ANN401 - whatever YAML gave
        fields = mapping(raw, place)
        only(_NODE, fields, place)
        access = _access(self.defaults, fields.get("ssh"), place / "ssh")
        address = text(fields["address"], place / "address") if "address" in fields else str(name)
        return Node(
            name=name,
            roles=frozenset(_role(r, place / "roles") for r in texts(fields.get("roles"), place / "roles")),
            ssh=replace(access, address=address),
            hooks=tuple(self._hook(h, place / "hooks") for h in texts(fields.get("hooks"), place / "hooks")),
        )

    def _hook(self, name: str, place: Place) -> Hook:
        if name not in self.hooks:
            raise place.wrong(f"there is no hook {name}; hooks are {', '.join(sorted(self.hooks))}")
        return self.hooks[name]


def _role(name: str, place: Place) -> Role:
    if name not in list(Role):
        raise place.wrong(f"there is no role {name}; roles are {', '.join(Role)}")
    return Role(name)


def _access(defaults: SshAccess, raw: Any, place: Place) -> SshAccess:  # noqa: ANN401
    fields = mapping(raw, place)
    only(set(_SSH), fields, place)
    for name, value in fields.items():
        if type(value) is not _SSH[name]:
            raise (place / name).wrong(f"should be {_KINDS[_SSH[name]]}, not {value!r}")
    paths = {name: _beside(place.file, fields[name]) for name in _PATHS & fields.keys()}
    return replace(defaults, **{**fields, **paths})


def _beside(file: Path, path: str) -> str:
    """Return a path as it is meant: relative ones begin where the inventory lies."""
    return str(file.absolute().parent / Path(path).expanduser()) if path else ""


def _hooks(raw: Any, place: Place) -> dict[str, Hook]:  # noqa: ANN401
    hooks = {}
    for name, value in mapping(raw, place).items():
        fields = mapping(value, place / name)
        only({"disable", "enable"}, fields, place / name)
        disable, enable = (text(fields.get(key), place / name / key) for key in ("disable", "enable"))
        hooks[name] = Hook(name, disable, enable)
    return hooks


def _canary(raw: Any, place: Place) -> Canary:  # noqa: ANN401
    fields = mapping(raw, place)
    only({"flavor", "image", "network"}, fields, place)
    return Canary(*(text(fields.get(key), place / key) for key in ("flavor", "image", "network")))
