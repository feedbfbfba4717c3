"""stackmend's own inventory file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from stackmend.domain.node import Canary, Hook, Inventory, Node, Role, SshAccess
from stackmend.domain.power import PowerController
from stackmend.domain.values import NodeName
from stackmend.inventory import power
from stackmend.inventory.hooks import BUILT_IN
from stackmend.inventory.problem import Place, mapping, only, text, texts, typed

_TOP = {"cloud", "ssh", "power", "nodes", "canary", "hooks", "settings"}
_NODE = {"address", "roles", "ssh", "hooks", "power"}
_SSH: dict[str, type] = {"user": str, "port": int, "key": str, "known_hosts": str, "jump": str, "sudo": bool}
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
    access = _access(SshAccess(""), data.get("ssh"), place / "ssh")
    reader = _Nodes(access, _power(data.get("power"), place / "power"), hooks)
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
    """Reads nodes, with the file's defaults for SSH and power controllers, and its hooks."""

    defaults: SshAccess
    power: dict[str, Any]
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
            power=self._controller(fields["power"], place / "power") if fields.get("power") else None,
        )

    def _controller(self, raw: Any, place: Place) -> PowerController:  # noqa: ANN401
        return power.controller(power.merged(self.power, _power(raw, place)), place.wrong)

    def _hook(self, name: str, place: Place) -> Hook:
        if name not in self.hooks:
            raise place.wrong(f"there is no hook {name}; hooks are {', '.join(sorted(self.hooks))}")
        return self.hooks[name]


def _role(name: str, place: Place) -> Role:
    if name not in list(Role):
        raise place.wrong(f"there is no role {name}; roles are {', '.join(Role)}")
    return Role(name)


def _access(defaults: SshAccess, raw: Any, place: Place) -> SshAccess:  # noqa: ANN401
    fields = typed(raw, _SSH, place)
    paths = {name: place.beside(fields[name]) for name in _PATHS & fields.keys()}
    return replace(defaults, **{**fields, **paths})


def _power(raw: Any, place: Place) -> dict[str, Any]:  # noqa: ANN401
    """Return what is said of a power controller, field by field."""
    fields = typed(raw, power.FIELDS, place, secrets=power.SECRETS)
    return fields | {name: place.beside(fields[name]) for name in power.PATHS & fields.keys()}


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
