"""What a lab hands to its users: credentials, an inventory, keys, and the variables that name them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

from stackmend.lab import cloud, credentials, power
from stackmend.lab.settings import CONTROLLER, Settings

_CONTROLLER_ROLES = ["controller", "database", "messaging", "network", "storage"]


def write(settings: Settings, folder: Path) -> None:
    """Write ``clouds.yaml``, ``inventory.yaml``, ``env`` and the keys and passwords they name into the state directory.

    Args:
        settings: the lab's.
        folder: where the build's secrets are.
    """
    passwords = credentials.passwords(folder)
    for name in ("ssh_key", "known_hosts", "passwords.json"):
        credentials.write(settings.state / name, (folder / name).read_text())
    power.ensure_password(settings)
    shutil.copyfile(folder / "ssh_key.pub", settings.state / "ssh_key.pub")
    credentials.write(settings.state / "clouds.yaml", yaml.safe_dump(_clouds(settings, passwords), sort_keys=False))
    credentials.write(settings.state / "inventory.yaml", yaml.safe_dump(inventory(settings), sort_keys=False))
    credentials.write(settings.state / "env", environment(settings))


def environment(settings: Settings) -> str:
    """Return the shell lines that point programs at the lab."""
    return (
        f"export OS_CLIENT_CONFIG_FILE={settings.state / 'clouds.yaml'}\n"
        "export OS_CLOUD=lab\n"
        f"export STACKMEND_INVENTORY={settings.state / 'inventory.yaml'}\n"
    )


def inventory(settings: Settings) -> dict[str, object]:
    """Return the lab's nodes in the form of stackmend's own inventory."""
    nodes: dict[str, object] = {}
    for node in settings.nodes:
        roles = _CONTROLLER_ROLES if node == CONTROLLER else ["compute"]
        controller = {"address": power.url(settings, node)}
        nodes[node] = {"address": settings.address(node), "roles": roles, "power": controller}
    return {
        "cloud": "lab",
        "ssh": {"user": "root", "key": "ssh_key", "known_hosts": "known_hosts"},
        "power": {"driver": "redfish", "user": power.USER, "password_file": power.PASSWORD_FILE},
        "nodes": nodes,
        "canary": {"flavor": cloud.FLAVOR, "image": cloud.IMAGE, "network": cloud.NETWORK},
    }


def _clouds(settings: Settings, passwords: Mapping[str, str]) -> dict[str, object]:
    def entry(user: str, project: str, password: str) -> dict[str, object]:
        auth = {"auth_url": cloud.auth_url(settings), "username": user, "password": password, "project_name": project}
        domains = {"user_domain_name": "Default", "project_domain_name": "Default"}
        return {"auth": {**auth, **domains}, "region_name": "RegionOne", "identity_api_version": "3"}

    users = {"lab": ("admin", "admin", passwords["admin"]), "lab-demo": (cloud.DEMO, cloud.DEMO, passwords["demo"])}
    return {"clouds": {name: entry(*user) for name, user in users.items()}}
