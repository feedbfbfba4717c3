"""What the lab's hosts are made of: Debian 13's packages, all in one base system that every host shares."""

from __future__ import annotations

SUITE = "trixie"

SYSTEM = (  # noqa: SIM905 - read as words
    "systemd systemd-sysv dbus udev openssh-server iproute2 iputils-ping procps psmisc kmod netbase ethtool tcpdump "
    "iptables python3 sudo less ca-certificates rsync"
).split()
CONTROLLER = (  # noqa: SIM905 - read as words
    "mariadb-server rabbitmq-server memcached keystone glance-api placement-api nova-api nova-conductor nova-scheduler "
    "neutron-api neutron-rpc-server neutron-ovn-maintenance-worker neutron-periodic-workers ovn-central "
    "python3-pymysql python3-memcache"
).split()
COMPUTE = (  # noqa: SIM905 - read as words
    "nova-compute nova-compute-kvm libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils qemu-block-extra "
    "ovn-host openvswitch-switch"
).split()
STORAGE = (  # noqa: SIM905 - read as words
    "cinder-api cinder-scheduler cinder-volume ceph-mon ceph-osd ceph-common python3-rbd python3-rados"
).split()
RESCUE = ["guestfish"]
GUEST = ["busybox-static"]
GUEST_DOWNLOADS = ["linux-image-cloud-amd64"]
"""Packages that the base system holds as files in /var/lib/stackmend/debs, dependencies of that name included; they are
unpacked, as libguestfs needs a kernel, and not installed, as that would build an initramfs that nobody boots."""

PRESEEDS = """\
keystone keystone/configure_db boolean false
keystone keystone/create-admin-tenant boolean false
keystone keystone/register-endpoint boolean false
glance-common glance/configure_db boolean false
glance-api glance/register-endpoint boolean false
placement-common placement/configure_db boolean false
placement-api placement/register-endpoint boolean false
nova-common nova/configure_db boolean false
nova-api nova/register-endpoint boolean false
neutron-common neutron/configure_db boolean false
neutron-api neutron/register-endpoint boolean false
cinder-common cinder/configure_db boolean false
cinder-api cinder/register-endpoint boolean false
"""

UNITS = (  # noqa: SIM905 - read as words
    "mariadb rabbitmq-server epmd.socket memcached keystone glance-api placement-api nova-api nova-api-metadata "
    "nova-conductor nova-scheduler nova-compute neutron-api neutron-rpc-server neutron-ovn-maintenance-worker "
    "neutron-periodic-workers ovn-central ovn-ovsdb-server-nb ovn-ovsdb-server-sb ovn-northd ovn-host ovn-controller "
    "openvswitch-switch ovs-vswitchd libvirtd libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket virtlogd "
    "virtlockd libvirt-guests cinder-api cinder-scheduler cinder-volume ceph.target ceph-mon.target ceph-osd.target"
).split()
"""What no host starts unless its role says so."""

NEVER = (  # noqa: SIM905 - read as words
    "apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer "
    "man-db.timer logrotate.timer systemd-timesyncd.service systemd-networkd-wait-online.service open-iscsi.service "
    "iscsid.service iscsid.socket virtlockd.service virtlockd.socket rsync.service tgt.service ceph-crash.service "
    "rbdmap.service smartmontools.service lvm2-monitor.service lvm2-lvmpolld.socket blk-availability.service "
    "nvmf-autoconnect.service nvmefc-boot-connections.service xfs_scrub_all.timer uuidd.socket grub-common.service"
).split()
"""What would only take time or processor from the hosts, and is masked."""


def all_packages() -> list[str]:
    """Return what the base system has installed on top of debootstrap's minimum."""
    return sorted({*SYSTEM, *CONTROLLER, *COMPUTE, *STORAGE, *RESCUE, *GUEST})
