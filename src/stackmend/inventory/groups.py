"""Which groups of an Ansible inventory mean which role.

Names are those of kolla-ansible (``ansible/inventory/multinode``), OpenStack-Ansible (``inventory/env.d``), TripleO and
ceph-ansible, and what people call them; case does not count, and ``_`` is ``-``.
"""

from __future__ import annotations

from stackmend.domain.node import Role

GROUPS: dict[Role, tuple[str, ...]] = {
    Role.CONTROLLER: (
        "control",
        "controller",
        "controllers",
        "control-hosts",
        "os-infra-hosts",
        "nova-api",
        "nova-conductor",
        "overcloud-controller",
    ),
    Role.COMPUTE: (
        "compute",
        "computes",
        "compute-hosts",
        "compute-nodes",
        "nova-compute",
        "nova-computes",
        "novacompute",
        "overcloud-compute",
        "hypervisors",
    ),
    Role.DATABASE: ("database", "databases", "mariadb", "mysql", "galera", "galera-all"),
    Role.MESSAGING: ("messaging", "rabbitmq", "rabbitmq-all", "oslomsg-rpc-all"),
    Role.NETWORK: ("network", "networks", "network-hosts", "neutron", "neutron-agent", "neutron-l3-agent", "networker"),
    Role.STORAGE: ("storage", "storage-hosts", "cinder-volume", "swift-hosts", "swift-storage", "osds", "ceph-osd"),
    Role.PROXY: ("proxy", "swift-proxy", "swift-proxy-hosts"),
}
_ROLES = {group: role for role, groups in GROUPS.items() for group in groups}


def role_of(group: str) -> Role | None:
    """Return the role that a group's name stands for; None for no role."""
    return _ROLES.get(group.lower().replace("_", "-"))
