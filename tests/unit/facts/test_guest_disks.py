"""Which disks of an instance are files, and in which format, as libvirt and nova say: never as the disk itself says."""

from __future__ import annotations

import json
from dataclasses import asdict

from stackmend.domain.instance import Instance
from stackmend.domain.rescue import GuestDisk, Rbd, RescueFacts
from stackmend.domain.values import InstanceId, NodeName
from stackmend.facts.guest_disks import parse

AT = "/var/lib/nova/instances/7f"
XML = f"""<domain><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{AT}/disk'/><target dev='vda'/></disk>
<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{AT}/disk.eph0'/>
<target dev='vdb'/></disk>
<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='rbd' name='volumes/v1'>
<encryption format='luks'/></source><target dev='vdc'/></disk>
<disk type='block' device='disk'><driver name='qemu' type='raw'/><source dev='/dev/dm-3'/><target dev='vdd'/></disk>
<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='{AT}/disk.config'/></disk>
{{more}}
</devices></domain>"""


def facts(
    *, xml: str = "", info: str = "", files: str = "", tools: str = "", fuse: str = "", leftover: str = ""
) -> RescueFacts:
    parts = {"tools": tools, "fuse": fuse, "leftover": leftover, "files": files, "info": info, "xml": xml}
    text = "".join(f"==== {name}\n{content}\n" for name, content in parts.items())
    return parse(text, Instance(InstanceId("7f"), "web", NodeName("c01"), "active"), None, service_up=True)


def test_files_are_read_in_libvirts_format_and_volumes_are_named() -> None:
    seen = facts(xml=XML.format(more=""))
    assert seen.disks == (
        GuestDisk("disk", f"{AT}/disk", "qcow2"),
        GuestDisk("disk.eph0", f"{AT}/disk.eph0", "raw"),
    )
    assert seen.elsewhere == ("vdc is rbd volumes/v1", "vdd is block /dev/dm-3")
    assert seen.ties == ()


def test_an_image_of_cephs_is_opened_with_libvirts_secret() -> None:
    disk = """<disk type='network' device='disk'><driver name='qemu' type='raw'/>
<auth username='cinder'><secret type='ceph' uuid='5e'/></auth>
<source protocol='rbd' name='volumes/v2'><host name='10.0.0.1' port='6789'/></source><target dev='vde'/></disk>"""
    image = GuestDisk("vde", "volumes/v2", "raw", Rbd((("10.0.0.1", "6789"),), "cinder", "5e"))
    assert facts(xml=XML.format(more=disk)).disks[-1] == image
    assert GuestDisk.of(json.loads(json.dumps(asdict(image)))) == image


def test_a_tpm_ties_an_instance_to_nova() -> None:
    assert facts(xml=XML.format(more="<tpm model='tpm-crb'/>")).ties == ("an emulated TPM",)


def test_without_a_domain_novas_own_note_tells_the_formats() -> None:
    seen = facts(files=f"{AT}/disk\n{AT}/disk.local", info=f'{{"{AT}/disk": "qcow2"}}')
    assert seen.disks == (GuestDisk("disk", f"{AT}/disk", "qcow2"),)
    assert seen.elsewhere == (f"{AT}/disk.local, whose format nothing tells",)


def test_what_the_node_lacks_and_what_is_left_there() -> None:
    seen = facts(tools="it has no /dev/fuse", fuse="it has no program partx", leftover="r-20261124-c01")
    assert (seen.tools.missing, seen.tools.missing_fuse) == (("it has no /dev/fuse",), ("it has no program partx",))
    assert seen.tools.leftover == "r-20261124-c01"
