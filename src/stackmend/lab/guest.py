"""The lab's guest: a small real Linux made of Debian's cloud kernel, busybox and two scripts of ours."""

from __future__ import annotations

import lzma
import re
import shutil
import struct
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from stackmend.errors import Code, Failed
from stackmend.lab import initramfs, shell

MODULES = ("virtio_net", "virtio_blk", "virtio_balloon", "button", "evdev")
"""What the guest needs of the kernel package's modules; what these depend on comes with them."""

COMMAND_LINE = (
    "console=ttyS0,115200 quiet loglevel=3 panic=10 no_timer_check tsc=reliable nowatchdog audit=0 mitigations=off "
    "consoleblank=0 random.trust_bootloader=on"
)
"""The kernel's command line: nothing said, nothing watched, nothing calibrated that emulation makes slow."""

DISK_MIB = 32
_SECTOR = 512
_FIRST_SECTOR = 2048
_APPLETS = (
    *("cat", "dd", "grep", "insmod", "ip", "mkdir", "mkfifo", "mount", "mv"),
    *("poweroff", "sync", "tail", "udhcpc", "umount"),
)
_LOADER = "ld-linux-x86-64.so.2"
_LIBRARIES = ("libext2fs.so.2", "libcom_err.so.2", "libblkid.so.1", "libuuid.so.1", "libe2p.so.2", "libc.so.6")
"""What e2fsck is linked with."""
_DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")


@dataclass(frozen=True)
class GuestFiles:
    """The three files that a guest boots from."""

    kernel: Path
    initrd: Path
    disk: Path


def build(base_root: Path, out: Path) -> GuestFiles:
    """Make the guest's kernel, initramfs and disk image from a root directory.

    Args:
        base_root: holds busybox (busybox-static), e2fsck with its libraries and a kernel package, installed
            or as a ``.deb`` in ``/var/lib/stackmend/debs``.
        out: directory that receives ``vmlinuz``, ``initrd.gz`` and ``disk.raw``; made where missing.

    Raises:
        Failed: a package is missing, or a file system could not be made.
    """
    out.mkdir(parents=True, exist_ok=True)
    files = GuestFiles(out / "vmlinuz", out / "initrd.gz", out / "disk.raw")
    with tempfile.TemporaryDirectory(dir=out, prefix="kernel-") as temporary:
        root = _kernel_root(base_root, Path(temporary))
        shutil.copyfile(_newest(root / "boot", "vmlinuz-*-cloud-amd64"), files.kernel)
        modules = load_order(_read_modules(root))
    busybox = _newest(base_root / "usr/bin", "busybox").read_bytes()
    files.initrd.write_bytes(initramfs.archive([*_entries(busybox, modules), *_checker(base_root)]))
    _make_disk(files.disk)
    return files


def load_order(modules: Mapping[str, bytes], wanted: Iterable[str] = MODULES) -> list[tuple[str, bytes]]:
    """Return the wanted modules and all they depend on, in an order in which they can be loaded.

    Args:
        modules: each loadable module's contents by its name; one that is not there is taken for built in.
        wanted: names of the modules to load.
    """
    order: dict[str, bytes] = {}

    def visit(name: str) -> None:
        if name in order or name not in modules:
            return
        found = _DEPENDS.search(modules[name])
        for needed in found.group(1).decode().split(",") if found else []:
            visit(needed)
        order[name] = modules[name]

    for name in wanted:
        visit(name)
    return list(order.items())


def partition_table(sectors: int) -> bytes:
    """Return the first sector of a disk of so many sectors of 512 bytes: one Linux partition from 1 MiB to the end."""
    chs = b"\xfe\xff\xff"
    entry = struct.pack("<B3sB3sII", 0, chs, 0x83, chs, _FIRST_SECTOR, sectors - _FIRST_SECTOR)
    return b"\0" * 446 + entry + b"\0" * 48 + b"\x55\xaa"


def _kernel_root(base_root: Path, temporary: Path) -> Path:
    """Return a directory with the kernel package's files: the root itself, or where the package was unpacked to."""
    if any(base_root.glob("boot/vmlinuz-*-cloud-amd64")):
        return base_root
    package = _newest(base_root / "var/lib/stackmend/debs", "linux-image-*-cloud-amd64_*.deb")
    shell.run(["dpkg-deb", "--extract", str(package), str(temporary)], code=Code.LAB_BUILD_FAILED)
    return temporary


def _newest(directory: Path, pattern: str) -> Path:
    found = sorted(directory.glob(pattern), key=lambda path: path.stat().st_size)
    if not found:
        raise Failed(Code.LAB_BUILD_FAILED, f"There is no {pattern} in {directory} to build the guest from")
    return found[-1]


def _read_modules(root: Path) -> dict[str, bytes]:
    """Return the contents, uncompressed, of the modules that the guest may need, by their names."""
    names = {*MODULES, "net_failover", "failover", "virtio", "virtio_ring", "virtio_pci", "ext4"}
    found = {}
    for path in root.glob("usr/lib/modules/*/kernel/**/*.ko*"):
        name = path.name.partition(".")[0].replace("-", "_")
        if name in names:
            found[name] = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    return found


def _entries(busybox: bytes, modules: Iterable[tuple[str, bytes]]) -> list[initramfs.Entry]:
    entries = [initramfs.directory(name) for name in ("bin", "dev", "proc", "sys", "modules")]
    entries.append(initramfs.character_device("dev/console", 5, 1))
    entries.append(initramfs.file("bin/busybox", busybox, executable=True))
    entries += [initramfs.link(f"bin/{applet}", "busybox") for applet in _APPLETS]
    entries.append(initramfs.file("init", _script("guest-init.sh"), executable=True))
    entries.append(initramfs.file("lease", _script("guest-lease.sh"), executable=True))
    pairs = list(modules)
    entries += [initramfs.file(f"modules/{name}.ko", data) for name, data in pairs]
    entries.append(initramfs.file("modules/order", "".join(f"{name}.ko\n" for name, _ in pairs).encode()))
    return entries


def _checker(base_root: Path) -> Iterator[initramfs.Entry]:
    """Yield e2fsck and what it is linked with, where the loader looks for it."""
    libraries = base_root / "usr/lib/x86_64-linux-gnu"
    yield initramfs.file("bin/e2fsck", _newest(base_root / "usr/sbin", "e2fsck").read_bytes(), executable=True)
    yield from (initramfs.directory(name) for name in ("lib", "lib64"))
    yield initramfs.file(f"lib64/{_LOADER}", _newest(libraries, _LOADER).read_bytes(), executable=True)
    for name in _LIBRARIES:
        yield initramfs.file(f"lib/{name}", _newest(libraries, name).read_bytes())


def _script(name: str) -> bytes:
    return (resources.files("stackmend.lab") / "files" / name).read_bytes()


def _make_disk(disk: Path) -> None:
    sectors = DISK_MIB * 1024 * 1024 // _SECTOR
    disk.unlink(missing_ok=True)
    with disk.open("wb") as file:
        file.write(partition_table(sectors))
        file.truncate(sectors * _SECTOR)
    with tempfile.TemporaryDirectory() as contents:
        (Path(contents) / "README").write_text("The root disk of an instance of stackmend's lab.\n")
        options = ["-q", "-F", "-b", "1024", "-L", "stackmend", "-m", "0"]
        place = ["-d", contents, "-E", f"offset={_FIRST_SECTOR * _SECTOR},lazy_itable_init=0"]
        size = f"{(sectors - _FIRST_SECTOR) // 2}k"
        shell.run(["mkfs.ext4", *options, *place, str(disk), size], code=Code.LAB_BUILD_FAILED)
