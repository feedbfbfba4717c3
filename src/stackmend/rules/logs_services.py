"""Which services log on a node, by its roles; and what the files' names say. No more than names is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stackmend.domain.log_record import LogService
from stackmend.domain.node import Role


def _service(name: str, *directories: str, units: str = "") -> LogService:
    return LogService(name, directories or (name,), tuple(units.split()) or (f"{name}-*", f"openstack-{name}-*"))


NOVA, NEUTRON, CINDER = _service("nova"), _service("neutron"), _service("cinder")
OVS = _service("openvswitch", units="ovs-vswitchd ovsdb-server openvswitch-switch")
OVN = _service("ovn", "ovn", "openvswitch/ovn", units="ovn-*")
CEPH = _service("ceph", units="ceph-*")
APACHE = _service("apache", "apache2", "httpd", units="apache2 httpd")
PROXY = _service("haproxy", units="haproxy keepalived")
API_SERVICES = (
    _service("keystone"), _service("glance"), NOVA, _service("placement"), NEUTRON, CINDER, _service("heat"),
    _service("horizon"), _service("octavia"), _service("designate"), _service("barbican"), _service("manila"),
    _service("magnum"), _service("ironic"), _service("aodh"), _service("gnocchi"), _service("ceilometer"),
    _service("masakari"), _service("watcher"), _service("mistral"), _service("trove"), APACHE,
)  # fmt: skip
DATABASES = (
    _service("mariadb", "mariadb", "mysql", units="mariadb mariadb@* mysql mysqld"),
    _service("memcached", units="memcached"),
)
MESSAGING = (_service("rabbitmq", units="rabbitmq-server"),)
SWIFT = _service("swift", units="swift-* openstack-swift-*")

BY_ROLE: Mapping[Role, tuple[LogService, ...]] = {
    Role.CONTROLLER: (*API_SERVICES, *DATABASES, *MESSAGING, OVS, OVN, CEPH, PROXY),
    Role.COMPUTE: (
        NOVA, NEUTRON, _service("ceilometer"), _service("masakari"),
        _service("libvirt", units="libvirtd virtqemud virtlogd virtlockd virtsecretd"),
        _service("qemu", "libvirt/qemu", units="machine-qemu*"),
        OVS, OVN,
    ),
    Role.DATABASE: DATABASES,
    Role.MESSAGING: MESSAGING,
    Role.NETWORK: (NEUTRON, OVS, OVN, PROXY),
    Role.STORAGE: (CINDER, SWIFT, CEPH, _service("manila")),
    Role.PROXY: (SWIFT, PROXY, _service("memcached", units="memcached")),
}  # fmt: skip
"""What may log on a node of each role; a service that is not installed costs a look."""


def services_of(roles: Iterable[Role]) -> tuple[LogService, ...]:
    """Return the services that may log on a node; all of them where no role is known, as for a bundle."""
    known = list(roles) or list(BY_ROLE)
    return tuple({service.name: service for role in known for service in BY_ROLE[role]}.values())
