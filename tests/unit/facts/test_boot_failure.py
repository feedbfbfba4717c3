"""What a node tells of an instance is read from one script's output; the guest's own words are not taken for it."""

from __future__ import annotations

from stackmend.domain.boot_failure import DiskLook
from stackmend.facts.boot_failure import parse

XML = """<domain type='qemu'><name>instance-1</name><devices>
<disk type='file' device='disk'><source file='/i/a/disk'/><target dev='vda'/></disk>
<disk type='network' device='disk'><source protocol='rbd' name='p/v1'><host name='10.0.0.1' port='6789'/>
<host name='10.0.0.2' port='6789'/></source><target dev='vdb'/><serial>v1</serial></disk>
<disk type='file' device='cdrom'><target dev='sda'/></disk>
</devices></domain>"""

OUTPUT = f"""
==== libvirt

==== xml
{XML}

==== state
running (booted)


==== process
3 4711 99

==== directory
/i/a

==== free
 1048576

==== disk vda
path=/i/a/disk
missing=/i/_base/0f

==== console
==== free
0
==== disk vdz
Kernel panic - not syncing: oh
"""


def test_all_of_it_is_read() -> None:
    seen = parse(OUTPUT, ["v1"])
    assert (seen.defined, seen.state, seen.reason, seen.process) == (True, "running", "booted", "3 4711 99")
    assert (seen.directory, seen.free, seen.libvirt_error) == ("/i/a", 2**20, "")
    assert seen.disks == (
        DiskLook("vda", "/i/a/disk", missing="/i/_base/0f"),
        DiskLook("vdb", "", volume="v1"),
    )


def test_a_disk_is_out_of_reach_only_where_none_of_its_storage_answers() -> None:
    def unreached(silent: str) -> list[tuple[str, ...]]:
        output = OUTPUT.replace("\n==== console", f"\n==== storage\n{silent}\n==== console", 1)
        return [disk.unreached for disk in parse(output, ["v1"]).disks]

    assert unreached("10.0.0.2:6789\n") == [(), ()]
    assert unreached("10.0.0.1:6789\n10.0.0.2:6789\n") == [(), ("10.0.0.1:6789", "10.0.0.2:6789")]


def test_the_guest_cannot_forge_what_its_node_says() -> None:
    seen = parse(OUTPUT)
    assert seen.console.startswith("==== free\n0\n")
    assert [disk.target for disk in seen.disks] == ["vda", "vdb"]


def test_without_a_definition_the_files_count() -> None:
    seen = parse("\n==== libvirt\n\n==== directory\n/i/a\n\n==== free\n\n==== disk disk\npath=/i/a/disk\nabsent=yes\n")
    assert not seen.defined
    assert seen.free is None
    assert seen.disks == (DiskLook("disk", "/i/a/disk", present=False),)


def test_a_libvirt_that_does_not_answer_is_said() -> None:
    seen = parse("\n==== libvirt\nerror: failed to connect \n==== directory\n\n==== free\n1\n\n==== console\n")
    assert seen.libvirt_error == "error: failed to connect"
    assert not seen.defined
