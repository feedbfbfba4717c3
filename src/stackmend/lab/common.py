"""What every host of the lab has: its name, its address, its keys."""

from __future__ import annotations

from pathlib import Path

from stackmend.lab.host import Host
from stackmend.lab.layers import Layer
from stackmend.lab.settings import Settings

_NETWORK = """\
[Match]
Name=host0

[Network]
Address={address}/{prefix}
LinkLocalAddressing=no
IPv6AcceptRA=no
LLMNR=no
{more}
[Link]
RequiredForOnline=no
"""
_SSHD = """\
PermitRootLogin prohibit-password
PasswordAuthentication no
UseDNS no
HostKey /etc/ssh/ssh_host_ed25519_key
MaxStartups 100
# all clients have one address: what one does wrong must not shut out the others
PerSourcePenalties no
"""
_JOURNAL = "[Journal]\nStorage=persistent\nSystemMaxUse=64M\nRateLimitIntervalSec=0\n"
_REPLIES = "usr/lib/python3/dist-packages/oslo_messaging/_drivers/amqpdriver.py"
_MANAGER = "[Manager]\nDefaultTimeoutStopSec=20s\nShowStatus=no\n"


def write(layer: Layer, settings: Settings, node: str, folder: Path, *, network: str = "") -> None:
    """Write a host's common files.

    Args:
        layer: the host's.
        settings: the lab's.
        node: the host's name.
        folder: where the build's secrets are.
        network: further lines of the ``[Network]`` section of its cable.
    """
    layer.put("etc/hostname", f"{node}\n")
    layer.put("etc/machine-id", f"{Host(settings, node).machine_id.hex}\n", mode=0o444)
    layer.put("etc/hosts", _hosts(settings))
    layer.put("etc/resolv.conf", "")
    address = {"address": settings.address(node), "prefix": str(settings.management.prefixlen)}
    layer.put("etc/systemd/network/10-host0.network", _NETWORK.format(**address, more=network))
    layer.put("etc/systemd/journald.conf.d/lab.conf", _JOURNAL)
    layer.put("etc/systemd/system.conf.d/lab.conf", _MANAGER)
    layer.link(
        "etc/systemd/system/multi-user.target.wants/systemd-networkd.service", _UNITS + "systemd-networkd.service"
    )
    for unit in (
        "epmd.service",
        "machines.target",
        "remote-fs.target",
        "e2scrub_reap.service",
        "console-getty.service",
        "rtslib-fb-targetctl.service",
        "dm-event.socket",
    ):
        layer.mask(unit)
    # oslo.messaging looks for the reply to an RPC twice a second (LP 2035113): some twenty seconds of a migration
    layer.replace(_REPLIES, "time.sleep(0.5)", "time.sleep(0.02)")
    _ssh(layer, node, folder)


_UNITS = "/usr/lib/systemd/system/"


def _hosts(settings: Settings) -> str:
    lines = ["127.0.0.1 localhost", "::1 localhost", *(f"{settings.address(n)} {n}" for n in settings.nodes)]
    return "\n".join(lines) + "\n"


def _ssh(layer: Layer, node: str, folder: Path) -> None:
    layer.put("etc/ssh/sshd_config.d/lab.conf", _SSHD)
    layer.put("etc/ssh/ssh_host_ed25519_key", (folder / f"host_key_{node}").read_text(), mode=0o600)
    layer.put("etc/ssh/ssh_host_ed25519_key.pub", (folder / f"host_key_{node}.pub").read_text())
    layer.put("etc/ssh/ssh_known_hosts", _key_text(folder, "known_hosts"))
    layer.folder("root/.ssh", mode=0o700, owner="root")
    authorized = _key_text(folder, "ssh_key.pub") + _key_text(folder, "cluster_key.pub")
    layer.put("root/.ssh/authorized_keys", authorized, mode=0o600)


def cluster_key(layer: Layer, folder: Path, home: str, owner: str) -> None:
    """Let a user go from node to node: root for live migration, nova for cold migration."""
    layer.folder(f"{home}/.ssh", mode=0o700, owner=owner)
    layer.put(f"{home}/.ssh/id_ed25519", _key_text(folder, "cluster_key"), mode=0o600, owner=owner)
    if owner != "root":
        public = _key_text(folder, "cluster_key.pub")
        layer.put(f"{home}/.ssh/authorized_keys", public, mode=0o600, owner=owner)


def _key_text(folder: Path, name: str) -> str:
    """Return one of the build's key files."""
    return (folder / name).read_text()
