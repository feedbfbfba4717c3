"""An Ansible inventory, by ``ansible-inventory --list`` in a process of its own."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stackmend.domain.node import Inventory, Node, Role, SshAccess
from stackmend.domain.power import PowerController
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Refused
from stackmend.inventory import power
from stackmend.inventory.groups import role_of
from stackmend.inventory.hooks import BUILT_IN
from stackmend.inventory.problem import malformed
from stackmend.inventory.ssh_args import options

SECONDS = 60
_POWER = "stackmend_power_"


def read(path: Path) -> Inventory:
    """Return the nodes of an Ansible inventory that have a role.

    A host's roles are those its groups stand for (see ``groups``), or what its variable ``stackmend_roles`` lists.
    Other variables of ours: ``stackmend_name`` (nova's name for the host, where it is another), ``stackmend_hooks``,
    ``stackmend_cloud``, and ``stackmend_power_`` with the name of a field of a power controller.

    Raises:
        Refused: INVENTORY_MALFORMED; INVENTORY_MISSING where Ansible is not installed.
    """
    listing = _listing(path)
    hostvars: dict[str, dict[str, Any]] = listing.get("_meta", {}).get("hostvars", {})
    groups = {host: _groups_of(host, listing) for host in _hosts(listing)}
    nodes = [_node(path, host, groups[host], hostvars.get(host, {})) for host in sorted(groups)]
    usable = {node.name: node for node in nodes if node.roles}
    if not usable:
        raise malformed(
            f"{path} has no host with a role that stackmend knows",
            hint="name groups such as compute and control, or set stackmend_roles: [compute] for a group or host",
        )
    clouds = {str(v["stackmend_cloud"]) for v in hostvars.values() if "stackmend_cloud" in v}
    if len(clouds) > 1:
        raise malformed(f"{path} has hosts of several clouds: {', '.join(sorted(clouds))}")
    return Inventory(cloud=clouds.pop() if clouds else "", nodes=usable, source=str(path))


def _listing(path: Path) -> dict[str, Any]:
    """Return what ``ansible-inventory --list`` prints."""
    beside = Path(sys.executable).with_name("ansible-inventory")
    program = str(beside) if beside.exists() else shutil.which("ansible-inventory")
    if program is None:
        raise Refused(
            Code.INVENTORY_MISSING,
            f"{path} is for Ansible, but ansible-inventory is not installed",
            hint="pip install 'stackmend[ansible]'",
        )
    environment = os.environ | {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true"}
    command = [program, "-i", str(path), "--list"]
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise malformed(f"ansible-inventory did not read {path} within {SECONDS} seconds") from error
    if done.returncode != 0:
        raise malformed(f"Ansible cannot read {path}: {_complaint(done.stderr)}")
    listing: dict[str, Any] = json.loads(done.stdout)
    return listing


def _complaint(stderr: str) -> str:
    """Return the one line that says most: what a plugin could not parse, else the first error."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    parsing = [line for line in lines if line.startswith("[WARNING]: Failed to parse")]
    errors = [line for line in lines if line.startswith("[ERROR]")]
    said = next(iter(parsing or errors or lines[-1:]), "it does not say why")
    return said.removeprefix("[WARNING]: ").removeprefix("[ERROR]: ")


def _hosts(listing: Mapping[str, Any]) -> set[str]:
    members = {host for name, group in listing.items() if name != "_meta" for host in group.get("hosts", ())}
    return members | set(listing.get("_meta", {}).get("hostvars", {}))


def _groups_of(host: str, listing: Mapping[str, Any]) -> set[str]:
    """Return every group that a host is in, by way of child groups too."""
    found = {name for name, group in listing.items() if name != "_meta" and host in group.get("hosts", ())}
    while True:
        parents = {n for n, g in listing.items() if n != "_meta" and found & set(g.get("children", ()))}
        if parents <= found:
            return found
        found |= parents


def _node(path: Path, host: str, groups: set[str], variables: Mapping[str, Any]) -> Node:
    def value(*names: str) -> str:
        found = next((str(variables[name]) for name in names if variables.get(name) not in (None, "")), "")
        if "__ansible_vault" in found:
            raise malformed(f"{path}: {names[0]} of {host} is encrypted, and ansible-inventory does not decrypt it")
        if "{{" in found:
            raise malformed(f"{path}: {names[0]} of {host} is a template, which ansible-inventory does not fill in")
        return found

    given = options(value("ansible_ssh_common_args") + " " + value("ansible_ssh_extra_args"))
    user = value("ansible_user", "ansible_ssh_user") or getpass.getuser()
    port = value("ansible_port", "ansible_ssh_port") or "22"
    if not port.isdigit():
        raise malformed(f"{path}: ansible_port of {host} is {port}")
    key = value("ansible_ssh_private_key_file", "ansible_private_key_file") or given.get("identityfile", "")
    access = SshAccess(
        address=value("ansible_host", "ansible_ssh_host") or host,
        user=user,
        port=int(port),
        key=str(Path(key).expanduser()) if key else "",
        known_hosts=str(Path(given["userknownhostsfile"]).expanduser()) if "userknownhostsfile" in given else "",
        jump=given.get("proxyjump", ""),
        sudo=user != "root" and _is_true(value("ansible_become")),
    )
    name = NodeName(value("stackmend_name") or host)
    hooks = tuple(BUILT_IN[hook] for hook in _known(path, host, variables, "stackmend_hooks", set(BUILT_IN)))
    roles = frozenset(_roles(path, host, groups, variables))
    return Node(name, roles, access, hooks, _power(path, host, {n: value(f"{_POWER}{n}") for n in power.FIELDS}))


def _power(path: Path, host: str, given: Mapping[str, str]) -> PowerController | None:
    """Return the power controller that a host's variables describe; None where it has no address of one."""
    if not given["address"]:
        return None
    paths = {name: str(Path(given[name]).expanduser()) for name in power.PATHS if given[name]}
    fields = {**given, **paths, "insecure": _is_true(given["insecure"])}
    return power.controller(fields, lambda what: malformed(f"{path}: {_POWER}… of {host}: {what}"))


def _is_true(word: str) -> bool:
    return word.lower() in {"true", "yes", "1"}


def _roles(path: Path, host: str, groups: set[str], variables: Mapping[str, Any]) -> Iterator[Role]:
    if "stackmend_roles" in variables:
        yield from map(Role, _known(path, host, variables, "stackmend_roles", set(Role)))
        return
    for group in groups:
        role = role_of(group)
        if role is not None:
            yield role


def _known(path: Path, host: str, variables: Mapping[str, Any], name: str, known: set[str]) -> list[str]:
    """Return the words of a variable, a list or a text with commas; refuse unknown ones."""
    value = variables.get(name) or []
    words = [w.strip() for w in value.split(",")] if isinstance(value, str) else list(value)
    for word in words:
        if word not in known:
            raise malformed(f"{path}: {name} of {host} has {word}; known are {', '.join(sorted(known))}")
    return words
