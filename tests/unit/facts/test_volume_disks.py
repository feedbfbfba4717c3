"""What the script shows of volumes in domains, in libvirt's own words."""

import pytest

from stackmend.domain.values import InstanceId, NodeName
from stackmend.domain.volume import VolumeDisk
from stackmend.errors import Code, Failed
from stackmend.facts.volume_disks import parse

NODE = NodeName("c01")
WEB = InstanceId("047e163e-9caa-4fe3-97c7-95c52beedf81")
DB = InstanceId("926a0a1b-bd73-454e-b976-bb093a4d430c")
IN_CEPH = "e297139d-5e54-4788-8693-6e17b24a72c5"
ON_PATH = "3c8d2a51-654f-4d78-8088-281a60662272"
FILE = "<disk type='file'><source file='/var/lib/nova/instances/x/disk'/><target dev='vda'/></disk>"
RBD = f"""<disk type='network'>
      <source protocol='rbd' name='volumes/volume-{IN_CEPH}'><host name='192.0.2.1' port='6789'/></source>
      <target dev='vdb' bus='virtio'/>
      <serial>{IN_CEPH}</serial>
    </disk>"""
PATH = f"<disk type='block'><source dev='/dev/dm-7'/><target dev='vdc'/><serial>{ON_PATH}</serial></disk>"
STATS = "Domain: 'x'\n  block.count=2\n  block.0.name=vda\n  block.0.rd.reqs=9\n  block.1.name=vdb\n"
END = "==== end\n"


def domain(uuid: str, state: str, disks: str, stats: str) -> str:
    """Return what a quiet virsh shows of a domain: no newline after what it echoes."""
    return f"==== domain {uuid}{state}\n\n<domain type='qemu'>\n<devices>{disks}</devices></domain>\n\n{stats}\n"


def test_volumes_are_found_by_their_serial_and_open_ones_by_their_statistics() -> None:
    found = parse(NODE, domain(WEB, "running", FILE + RBD, STATS + "  block.1.rd.reqs=0\n") + END)
    name = f"rbd:volumes/volume-{IN_CEPH}"
    assert found.disks == (VolumeDisk(NODE, WEB, IN_CEPH, "vdb", name, running=True, opened=True),)
    assert found.running == {WEB}


def test_a_disk_that_anything_inside_has_read_from_is_seen() -> None:
    (disk,) = parse(NODE, domain(WEB, "running", FILE + RBD, STATS + "  block.1.rd.reqs=2\n") + END).disks
    assert (disk.opened, disk.read) == (True, True)


def test_a_device_without_statistics_is_not_open() -> None:
    (disk,) = parse(NODE, domain(WEB, "running", FILE + RBD, STATS) + END).disks
    assert (disk.running, disk.opened) == (True, False)


def test_a_domain_that_is_shut_off_has_nothing_open() -> None:
    found = parse(NODE, domain(WEB, "shut off", RBD, "") + domain(DB, "paused", FILE, STATS) + END)
    assert [(d.running, d.opened) for d in found.disks] == [(False, False)]
    assert found.running == {DB}


def test_a_path_that_is_not_there_is_told() -> None:
    (disk,) = parse(NODE, "==== absent /dev/dm-7\n" + domain(WEB, "running", PATH, STATS) + END).disks
    assert (disk.source, disk.present) == ("/dev/dm-7", False)


def test_a_domain_that_went_away_meanwhile_is_left_out() -> None:
    found = parse(NODE, f"==== domain {DB}" + domain(WEB, "running", RBD, STATS) + END)
    assert [d.instance for d in found.disks] == [WEB]


def test_a_node_without_domains_has_no_volumes() -> None:
    assert parse(NODE, "\n").disks == ()


def test_an_answer_that_broke_off_is_an_error() -> None:
    with pytest.raises(Failed) as caught:
        parse(NODE, domain(WEB, "running", RBD, STATS))
    assert caught.value.code is Code.COMMAND_FAILED
