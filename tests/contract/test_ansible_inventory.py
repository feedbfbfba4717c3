"""Ansible inventories, by the real ansible-inventory."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackmend.domain.node import Role
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Refused
from stackmend.inventory.loader import load

INI = """\
[control]
ctl01 ansible_host=10.0.0.1
[mariadb:children]
control
[compute]
c01 ansible_host=10.0.0.11 ansible_user=debian ansible_become=true ansible_ssh_common_args='-o ProxyJump=me@gate:2200'
c0[2:3] ansible_port=2222 ansible_user=root
[monitoring]
mon01
[all:vars]
ansible_ssh_private_key_file=/keys/id
"""
YAML = """\
all:
  children:
    hypervisor_rack_1:
      vars: {stackmend_roles: [compute, storage], stackmend_hooks: [puppet], stackmend_cloud: prod}
      hosts:
        one: {stackmend_name: c01.example.org}
"""


def written(folder: Path, text: str, name: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_ini(tmp_path: Path) -> None:
    inventory = load(written(tmp_path, INI, "hosts"), "lab")
    nodes = inventory.nodes
    assert sorted(nodes) == ["c01", "c02", "c03", "ctl01"]
    assert nodes[NodeName("ctl01")].roles == {Role.CONTROLLER, Role.DATABASE}
    access = nodes[NodeName("c01")].ssh
    assert (access.address, access.user, access.sudo) == ("10.0.0.11", "debian", True)
    assert (access.jump, access.key) == ("me@gate:2200", "/keys/id")
    other = nodes[NodeName("c03")].ssh
    assert (other.address, other.port, other.user, other.sudo) == ("c03", 2222, "root", False)
    assert inventory.cloud == "lab"


def test_yaml_and_variables_of_ours(tmp_path: Path) -> None:
    inventory = load(written(tmp_path, YAML, "hosts.yml"), "")
    node = inventory.nodes[NodeName("c01.example.org")]
    assert node.roles == {Role.COMPUTE, Role.STORAGE}
    assert node.ssh.address == "one"
    assert [hook.name for hook in node.hooks] == ["puppet"]
    assert inventory.cloud == "prod"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[compute\nc01\n", "cannot read"),
        ("[web]\nw01\n", "no host with a role"),
        ("[compute]\nc01 stackmend_roles=computes\n", "stackmend_roles of c01 has computes"),
        ("[compute]\nc01 ansible_host='{{ ip }}'\n", "is a template"),
        ("[compute]\nc01 ansible_port=ssh\n", "ansible_port of c01 is ssh"),
    ],
)
def test_mistakes_are_one_clear_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Refused, match=said) as caught:
        load(written(tmp_path, text, "hosts.ini"), "lab")
    assert caught.value.code is Code.INVENTORY_MALFORMED
    assert "\n" not in caught.value.sentence
