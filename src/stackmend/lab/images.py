"""The guest in glance: its kernel, its initramfs, and the images that boot with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from openstack.connection import Connection

from stackmend.lab import guest

IMAGE = "lab-linux"
"""Says its heartbeat and halts otherwise."""
BUSY_IMAGE = "lab-linux-busy"
"""The same, but rewrites memory without end."""
BUSY_MBPS = 8
"""MiB of its memory that the busy guest rewrites a second."""

_PROPERTIES = {"hw_rng_model": "virtio", "os_distro": "debian"}


def register_guest_images(connection: Connection, files: guest.GuestFiles) -> None:
    """Upload the guest; what glance has already is left alone.

    Args:
        connection: the cloud, as its administrator.
        files: the guest's.
    """
    present = {image.name: image.id for image in connection.image.images() if image.name.startswith(IMAGE)}
    boot = {
        "kernel_id": _boot_file(connection, present, "aki", files.kernel),
        "ramdisk_id": _boot_file(connection, present, "ari", files.initrd),
    }
    for name, words in ((IMAGE, ""), (BUSY_IMAGE, f" dirty={BUSY_MBPS}")):
        if name not in present:
            words_too = guest.COMMAND_LINE + words
            _upload(
                connection, name, files.disk, ("raw", "bare"), {**boot, **_PROPERTIES, "os_command_line": words_too}
            )


def _boot_file(connection: Connection, present: Mapping[str, str], kind: str, path: Path) -> str:
    """Return the id of the kernel's or initramfs' image."""
    name = f"{IMAGE}-{kind}"
    if name in present:
        return present[name]
    return _upload(connection, name, path, (kind, kind), {})


def _upload(
    connection: Connection, name: str, path: Path, formats: tuple[str, str], properties: Mapping[str, str]
) -> str:
    """Upload a file and return the image's id; ``formats`` are those of the disk and of the container."""
    image = connection.image.create_image(
        name,
        filename=str(path),
        disk_format=formats[0],
        container_format=formats[1],
        wait=True,
        meta={"visibility": "public", **properties},
    )
    return str(image.id)
