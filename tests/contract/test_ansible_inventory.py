"""Ansible inventories, by the real ansible-inventory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stackmend.domain.node import Role
from stackmend.domain.power import PowerController
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


POWER = """\
[compute]
c01 stackmend_power_address=https://10.0.9.11 stackmend_power_system=1
c02 stackmend_power_driver=ipmi stackmend_power_address=10.0.9.12
c03
[compute:vars]
stackmend_power_driver=redfish
stackmend_power_user=admin
stackmend_power_password_file=/keys/bmc
stackmend_power_insecure=true
"""


def test_power_controllers(tmp_path: Path) -> None:
    nodes = load(written(tmp_path, POWER, "hosts"), "lab").nodes
    first = PowerController(
        "redfish", "https://10.0.9.11", "admin", password_file="/keys/bmc", insecure=True, system="1"
    )
    assert nodes[NodeName("c01")].power == first
    assert nodes[NodeName("c02")].power == replace(first, driver="ipmi", address="10.0.9.12", system="")
    assert nodes[NodeName("c03")].power is None


def test_an_encrypted_password_is_refused_unseen(tmp_path: Path) -> None:
    text = (
        "all:\n  hosts:\n    c01:\n      stackmend_roles: [compute]\n      stackmend_power_driver: ipmi\n"
        "      stackmend_power_address: b1\n      stackmend_power_password: !vault |\n"
        "          $ANSIBLE_VAULT;1.1;AES256\n          6162636465\n"
    )
    with pytest.raises(Refused, match="stackmend_power_password of c01 is encrypted") as caught:
        load(written(tmp_path, text, "hosts.yml"), "lab")
    assert "6162636465" not in caught.value.sentence


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[compute\nc01\n", "cannot read"),
        ("[web]\nw01\n", "no host with a role"),
        ("[compute]\nc01 stackmend_roles=computes\n", "stackmend_roles of c01 has computes"),
        ("[compute]\nc01 ansible_host='{{ ip }}'\n", "is a template"),
        ("[compute]\nc01 ansible_port=ssh\n", "ansible_port of c01 is ssh"),
        (
            "[compute]\nc01 stackmend_power_address=b1\n",
            "stackmend_power_… of c01: a power controller needs its",
        ),
    ],
)
def test_mistakes_are_one_clear_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Refused, match=said) as caught:
        load(written(tmp_path, text, "hosts.ini"), "lab")
    assert caught.value.code is Code.INVENTORY_MALFORMED
    assert "\n" not in caught.value.sentence
