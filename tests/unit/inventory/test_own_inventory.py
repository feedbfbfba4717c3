"""stackmend's own inventory: read, written, read again; and what is said of mistakes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stackmend.domain.node import Canary, Role
from stackmend.domain.power import PowerController
from stackmend.domain.values import NodeName, Secret
from stackmend.errors import Code, Refused, UsageError
from stackmend.inventory.loader import load
from stackmend.inventory.writer import render

GOOD = """\
cloud: lab
power: {driver: redfish, user: admin, password_file: secret, insecure: true}
ssh: {user: root, key: keys/ssh_key, known_hosts: /etc/known_hosts, jump: gate}
nodes:
  ctl01: {address: 10.0.0.1, roles: [controller, database]}
  c01:
    address: 10.0.0.11
    roles: [compute]
    ssh: {user: debian, sudo: true, port: 2222}
    hooks: [puppet, mine]
    power: {address: "https://10.0.9.11", system: "1"}
  c02: {roles: [compute], power: {driver: ipmi, address: "10.0.9.12:6230", password_env: BMC}}
canary: {flavor: lab.tiny, image: lab-linux, network: lab-net}
hooks: {mine: {disable: "touch /x", enable: "rm /x"}}
"""
C01 = NodeName("c01")


def written(folder: Path, text: str, name: str = "inventory.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_what_is_read(tmp_path: Path) -> None:
    inventory = load(written(tmp_path, GOOD), "")
    access = inventory.nodes[C01].ssh
    assert inventory.cloud == "lab"
    assert inventory.canary == Canary("lab.tiny", "lab-linux", "lab-net")
    assert [n.name for n in inventory.with_role(Role.COMPUTE)] == ["c01", "c02"]
    assert (access.user, access.sudo, access.port, access.jump) == ("debian", True, 2222, "gate")
    assert access.key == str(tmp_path / "keys/ssh_key")
    assert access.known_hosts == "/etc/known_hosts"
    assert inventory.nodes[NodeName("c02")].ssh.address == "c02"
    assert [hook.disable for hook in inventory.nodes[C01].hooks][1] == "touch /x"


def test_power_controllers_are_read_with_the_files_defaults(tmp_path: Path) -> None:
    nodes = load(written(tmp_path, GOOD), "").nodes
    file = str(tmp_path / "secret")
    assert nodes[NodeName("ctl01")].power is None
    assert nodes[C01].power == PowerController(
        "redfish", "https://10.0.9.11", "admin", password_file=file, system="1", insecure=True
    )
    assert nodes[NodeName("c02")].power == PowerController(
        "ipmi", "10.0.9.12:6230", "admin", password_env="BMC", insecure=True
    )


def test_a_password_in_the_inventory_shows_itself_to_nobody(tmp_path: Path) -> None:
    text = GOOD.replace("password_env: BMC", "password: Geheim1")
    inventory = load(written(tmp_path, text), "")
    controller = inventory.nodes[NodeName("c02")].power
    assert controller is not None
    assert controller.password == Secret("Geheim1")
    assert "Geheim1" not in repr(inventory) + render(inventory)
    with pytest.raises(Refused) as caught:
        load(written(tmp_path, text.replace("Geheim1", "[Geheim1]")), "")
    assert "Geheim1" not in caught.value.sentence


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    first = load(written(tmp_path, GOOD), "")
    second = load(written(tmp_path, render(first), "again.yaml"), "")
    assert replace(second, source="") == replace(first, source="")


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        (
            "roles: [compute]\n    ssh",
            "roles: [computes]\n    ssh",
            "line 8, nodes.c01.roles: there is no role computes",
        ),
        ("c02: {roles: [compute]", "c02: {roles: compute", "line 12, nodes.c02.roles: should be a list"),
        ("sudo: true", "sudo: 1", "line 9, nodes.c01.ssh.sudo: should be true or false, not 1"),
        ("port: 2222", "port: '22'", "line 9, nodes.c01.ssh.port: should be a number"),
        ("[puppet, mine]", "[pupet]", "line 10, nodes.c01.hooks: there is no hook pupet"),
        ("    address: 10.0.0.11", "    adress: 10.0.0.11", "line 7, nodes.c01.adress: there is no field adress"),
        ('enable: "rm /x"', 'enable: ""', "line 14, hooks.mine.enable: should be a text"),
        ("network: lab-net", "netwrk: lab-net", "line 13, canary.netwrk: there is no field netwrk"),
        (
            '"https://10.0.9.11"',
            "10.0.9.11",
            "line 11, nodes.c01.power: the address of a controller for redfish",
        ),
        (
            '"https://10.0.9.11"',
            '"https://me:pw@bmc"',
            "line 11, nodes.c01.power: the address of a power",
        ),
        ("driver: ipmi", "driver: ilo", "line 12, nodes.c02.power: there is no driver ilo of power controllers"),
        ('address: "10.0.9.12:6230", ', "", "line 12, nodes.c02.power: a power controller needs its address"),
        ("password_env: BMC", "password_env: BMC, password: x", "line 12, nodes.c02.power: a power controller has one"),
        ("password_env: BMC", "password: 12345", "line 12, nodes.c02.power.password: should be a text"),
        ("insecure: true", "insecure: 1", "line 2, power.insecure: should be true or false"),
        ("cloud: lab", "cloud: [", "line 3: not valid YAML"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    assert right in GOOD
    with pytest.raises(Refused) as caught:
        load(written(tmp_path, GOOD.replace(right, wrong)), "")
    assert caught.value.code is Code.INVENTORY_MALFORMED
    assert f"inventory.yaml {said}" in caught.value.sentence
    assert "\n" not in caught.value.sentence


def test_no_node_at_all(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="there is no node"):
        load(written(tmp_path, "cloud: lab\nnodes: {}\n"), "")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        load(tmp_path / "none", "lab")
    assert caught.value.code is Code.INVENTORY_MISSING
    assert "stackmend init" in caught.value.hint


def test_another_clouds_inventory_is_not_used(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is of cloud lab, not of prod"):
        load(written(tmp_path, GOOD), "prod")
