"""Which files a shell on a guest's disks opened, as libguestfs tells."""

from __future__ import annotations

from stackmend.actions.rescue_shell import opened

LINES = [
    "libguestfs: /var/lib/x/mnt/fs: mount_local_open (/disk.1/etc/fstab, 0100000)",
    "libguestfs: /var/lib/x/mnt/fs: mount_local_open (/lvm.vg0.root/a (b), 0, 0100000)",
    "libguestfs: /var/lib/x/mnt/fs: mount_local_open (/disk.1/etc/fstab, 0100000)",
    "libguestfs: error: something else",
]


def test_each_file_once_with_its_file_system() -> None:
    files = [{"system": "disk.1", "path": "/etc/fstab"}, {"system": "lvm.vg0.root", "path": "/a (b), 0"}]
    assert opened(LINES) == (files, 0)


def test_what_a_terminal_would_obey_is_escaped() -> None:
    ((file,), _) = opened(["libguestfs: /m: mount_local_open (/disk/\033[31m, 0100000)"])
    assert "\033" not in str(file["path"])


def test_more_than_are_kept_are_counted() -> None:
    lines = [f"libguestfs: /m: mount_local_open (/disk/{n}, 0100000)" for n in range(10_003)]
    files, more = opened(lines)
    assert (len(files), more) == (10_000, 3)
