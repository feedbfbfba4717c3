"""The lab's storage: on the controller a Ceph of one monitor and one OSD on a file, and Cinder's volumes in it."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping

from stackmend.lab import ssh
from stackmend.lab.layers import Layer, template
from stackmend.lab.settings import CONTROLLER, Settings

POOL = "volumes"
_FSID = "b4e1c3a2-52a8-4a5c-9d0c-0f8a6d7e1c01"
_OSD = "2f7c3f0e-7a43-4f0f-8f52-6f1d1d0c5a02"
SECRET = "9a0d6b0e-3c1f-4c55-8a57-6f1f4d1b7c03"  # noqa: S105 - the id of libvirt's secret, not the secret
"""The id under which each libvirt holds the key of Ceph's user ``cinder``."""

_KEYRING = "[{name}]\n\tkey = {key}\n{caps}"
_CAPS = {
    "mon.": {"mon": "allow *"},
    "client.admin": {"mon": "allow *", "osd": "allow *", "mgr": "allow *", "mds": "allow *"},
    "osd.0": {"mon": "allow profile osd", "osd": "allow *"},
    "client.cinder": {"mon": "profile rbd", "osd": f"profile rbd pool={POOL}"},
}
"""Ceph's users and what each may do."""

_LIBVIRT = (
    f"<secret ephemeral='no' private='no'>\n  <uuid>{SECRET}</uuid>\n"
    "  <usage type='ceph'>\n    <name>client.cinder</name>\n  </usage>\n</secret>\n"
)
_ORDER = "[Unit]\nAfter=ceph-mon@ctl01.service ceph-osd@0.service\n"
_CEPH = f"""\
runuser -u ceph -- ceph-mon --mkfs -i ctl01 --keyring /etc/ceph/lab.keyring
systemctl enable -q --now ceph.target ceph-mon.target ceph-mon@ctl01
ceph --connect-timeout 60 osd new {_OSD} 0
runuser -u ceph -- ceph-osd -i 0 --mkfs --osd-uuid {_OSD}
systemctl enable -q --now ceph-osd.target ceph-osd@0
ceph osd pool create {POOL}
rbd pool init {POOL}
"""
SCHEMA = "runuser -u cinder -- cinder-manage db sync\n"
"""Fills Cinder's database."""


def write(layer: Layer, settings: Settings, passwords: Mapping[str, str]) -> None:
    """Write Ceph's and Cinder's files on the controller, before it boots."""
    _config(layer, settings)
    layer.put("etc/ceph/lab.keyring", _keyring(passwords, *_CAPS), mode=0o600, owner="ceph")
    for path, name, owner in (
        ("etc/ceph/ceph.client.admin.keyring", "client.admin", "root"),
        ("etc/ceph/ceph.client.cinder.keyring", "client.cinder", "cinder"),
        ("var/lib/ceph/osd/ceph-0/keyring", "osd.0", "ceph"),
    ):
        layer.put(path, _keyring(passwords, name), mode=0o600, owner=owner)
    for folder in ("osd/ceph-0", "mon/ceph-ctl01"):
        layer.folder(f"var/lib/ceph/{folder}", mode=0o750, owner="ceph")
    values = {**passwords, "address": settings.address(CONTROLLER), "pool": POOL, "secret": SECRET}
    layer.put("etc/cinder/cinder.conf", template("cinder.conf", values), mode=0o640, group="cinder")
    layer.put("etc/systemd/system/cinder-volume.service.d/ceph.conf", _ORDER)


def write_client(layer: Layer, settings: Settings, passwords: Mapping[str, str]) -> None:
    """Write what a compute node needs for its instances' volumes, before it boots: where Ceph is, and its key."""
    _config(layer, settings)
    layer.put("etc/ceph/ceph.client.cinder.keyring", _keyring(passwords, "client.cinder"), mode=0o600)
    layer.put(f"etc/libvirt/secrets/{SECRET}.xml", _LIBVIRT, mode=0o600)
    layer.put(f"etc/libvirt/secrets/{SECRET}.base64", _key(passwords, "client.cinder"), mode=0o600)


def ceph(settings: Settings) -> None:
    """Make the monitor, the OSD and the pool, and let them start with the controller from now on."""
    ssh.run(settings, CONTROLLER, _CEPH)


def _config(layer: Layer, settings: Settings) -> None:
    layer.put("etc/ceph/ceph.conf", template("ceph.conf", {"fsid": _FSID, "controller": settings.address(CONTROLLER)}))


def _keyring(passwords: Mapping[str, str], *names: str) -> str:
    def section(name: str) -> str:
        caps = "".join(f'\tcaps {kind} = "{what}"\n' for kind, what in _CAPS[name].items())
        return _KEYRING.format(name=name, key=_key(passwords, name), caps=caps)

    return "".join(map(section, names))


def _key(passwords: Mapping[str, str], name: str) -> str:
    """Return a user's key in cephx's form: kind (AES), when it was made, length, and 16 random bytes."""
    secret = bytes.fromhex(passwords["ceph_" + name.rstrip(".").replace(".", "_")])
    return base64.b64encode(struct.pack("<HIIH", 1, 0, 0, len(secret)) + secret).decode()
