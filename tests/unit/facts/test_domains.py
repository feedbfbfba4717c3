"""Libvirt's domains are read from one script's output, and what cannot be is refused."""

from __future__ import annotations

import pytest

from stackmend.domain.values import InstanceId
from stackmend.errors import Failed
from stackmend.facts.domains import parse

ONE = InstanceId("76ab6384-44df-439e-8d71-18d9b525af2b")
TWO = InstanceId("ea314d85-9c84-438f-8810-df06a6ca43d1")
GONE = InstanceId("8aa380ca-72ad-47bf-8426-fc8a1afb46e6")

OUTPUT = f"""\
==== domain {ONE}
running

<domain type='kvm' id='7'>
  <name>instance-00000004</name>
  <cpu mode='custom' match='exact'><model fallback='forbid'>Haswell</model></cpu>
  <devices>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source><address domain='0x0000' bus='0x3b' slot='0x00' function='0x1'/></source>
    </hostdev>
    <hostdev mode='subsystem' type='usb'>
      <source><vendor id='0x1234'/><product id='0xabcd'/></source>
    </hostdev>
    <hostdev mode='subsystem' type='mdev' model='vfio-pci'>
      <source><address uuid='c2177883-f1bb-47f0-914d-32a22e3a8804'/></source>
    </hostdev>
    <interface type='hostdev'>
      <source><address type='pci' domain='0x0000' bus='0x5e' slot='0x02' function='0x0'/></source>
    </interface>
    <filesystem type='mount'><driver type='virtiofs'/><target dir='share'/></filesystem>
  </devices>
</domain>

==== domain {TWO}
shut off

<domain type='qemu'>
  <name>instance-00000005</name>
  <cpu mode='custom'><model>qemu64</model></cpu>
</domain>

==== domain {GONE}
==== saved {TWO}
"""


def test_states_and_names() -> None:
    domains = parse(OUTPUT)
    assert domains.keys() == {ONE, TWO}
    assert (domains[ONE].name, domains[ONE].state, domains[ONE].saved) == ("instance-00000004", "running", False)
    assert (domains[TWO].name, domains[TWO].state, domains[TWO].saved) == ("instance-00000005", "shut off", True)


def test_the_cpu_of_an_emulated_domain_runs_anywhere() -> None:
    domains = parse(OUTPUT)
    assert "Haswell" in domains[ONE].cpu_xml
    assert domains[TWO].cpu_xml == ""


def test_devices_are_named_as_a_person_would() -> None:
    assert parse(OUTPUT)[ONE].devices == (
        "PCI device 0000:3b:00.1",
        "USB device 1234:abcd",
        "mediated device c2177883-f1bb-47f0-914d-32a22e3a8804",
        "network function 0000:5e:02.0",
        "file share share",
    )


def test_no_domain_at_all() -> None:
    assert parse("") == {}


@pytest.mark.parametrize(
    "xml", ["<domain type='qemu'><name>x</domain>", "<domain type='q'>", "<!DOCTYPE x>\n<domain />"]
)
def test_xml_that_makes_no_sense(xml: str) -> None:
    with pytest.raises(Failed):
        parse(f"==== domain {ONE}\nrunning\n\n{xml}\n")
