"""Write an inventory in stackmend's own format."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

import yaml

from stackmend.domain.node import Inventory, Node, Role, SshAccess
from stackmend.inventory.hooks import BUILT_IN
from stackmend.inventory.power import FIELDS, SECRETS

HEADER = """\
# Nodes of the cloud and how stackmend reaches them over SSH. Paths are relative to this file.
# Roles: {roles}. Hooks: {hooks}, or your own under "hooks".
"""
_FIELDS = ("user", "port", "key", "known_hosts", "jump", "sudo")


def render(inventory: Inventory) -> str:
    """Return the file's text; read back, it gives an equal inventory, but for passwords that stood in it plainly."""
    defaults = _common(inventory)
    data: dict[str, Any] = {"cloud": inventory.cloud}
    if defaults:
        data["ssh"] = defaults
    data["nodes"] = {str(name): _node(node, defaults) for name, node in sorted(inventory.nodes.items())}
    if inventory.canary is not None:
        data["canary"] = asdict(inventory.canary)
    hooks = {h.name: h for node in inventory.nodes.values() for h in node.hooks if BUILT_IN.get(h.name) != h}
    if hooks:
        data["hooks"] = {name: {"disable": h.disable, "enable": h.enable} for name, h in sorted(hooks.items())}
    if inventory.settings:
        data["settings"] = dict(inventory.settings)
    header = HEADER.format(roles=", ".join(Role), hooks=", ".join(BUILT_IN))
    return header + yaml.safe_dump(data, sort_keys=False, default_flow_style=None, width=120)


def _common(inventory: Inventory) -> dict[str, Any]:
    """Return for each field of SSH its most frequent value, where that is not the built-in default."""
    built_in = asdict(SshAccess(""))
    common = {}
    for field in _FIELDS:
        (value, _), *_ = Counter(asdict(node.ssh)[field] for node in inventory.nodes.values()).most_common(1)
        if value != built_in[field]:
            common[field] = value
    return common


def _node(node: Node, defaults: dict[str, Any]) -> dict[str, Any]:
    access = asdict(node.ssh)
    built_in = asdict(SshAccess(""))
    own = {field: access[field] for field in _FIELDS if access[field] != defaults.get(field, built_in[field])}
    data: dict[str, Any] = {"address": node.ssh.address, "roles": sorted(str(role) for role in node.roles)}
    if own:
        data["ssh"] = own
    if node.hooks:
        data["hooks"] = [hook.name for hook in node.hooks]
    if node.power is not None:
        said = {field: getattr(node.power, field) for field in FIELDS if field not in SECRETS}
        data["power"] = {field: value for field, value in said.items() if value}
    return data
