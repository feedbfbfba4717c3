"""What is in the lab's cloud from the start: services, endpoints, users, flavors, a network, images."""

from __future__ import annotations

from collections.abc import Mapping

import keystoneauth1.exceptions
import openstack
import openstack.exceptions
from keystoneauth1 import session
from keystoneauth1.identity import v3
from openstack.connection import Connection
from openstack.identity.v3 import _proxy as identity_v3

from stackmend.lab import wait
from stackmend.lab.settings import CONTROLLER, Settings

__all__ = [
    "DEMO",
    "EPHEMERAL_FLAVOR",
    "FLAVOR",
    "IMAGE",
    "NETWORK",
    "VOLUME_TYPE",
    "Connection",
    "agents_up",
    "auth_url",
    "computes_up",
    "connect",
    "gives_token",
    "image_ready",
    "register_content",
    "register_services",
    "volumes_ready",
    "wait_for_keystone",
    "wait_until_whole",
]

FLAVOR, NETWORK, IMAGE = "lab.tiny", "lab-net", "lab-linux"
EPHEMERAL_FLAVOR = "lab.ephemeral"
VOLUME_TYPE = "ceph"
DEMO = "lab-demo"
_SERVICES = (
    ("glance", "image", ":9292"),
    ("placement", "placement", ":8778"),
    ("nova", "compute", ":8774/v2.1"),
    ("neutron", "network", ":9696"),
    ("cinder", "volumev3", ":8776/v3"),
)
_FLAVORS = (
    # name, processors, MiB of memory, GiB of root disk, GiB of ephemeral disk
    (FLAVOR, 1, 96, 1, 0),
    ("lab.small", 1, 128, 1, 0),
    ("lab.big", 2, 192, 2, 0),
    (EPHEMERAL_FLAVOR, 1, 96, 1, 1),
)


def connect(settings: Settings, passwords: Mapping[str, str]) -> Connection:
    """Return a connection to the lab's cloud as its administrator."""
    auth = v3.Password(
        auth_url=auth_url(settings),
        username="admin",
        password=passwords["admin"],
        project_name="admin",
        user_domain_name="Default",
        project_domain_name="Default",
    )
    return Connection(session=session.Session(auth=auth), region_name="RegionOne", interface="public")


def auth_url(settings: Settings) -> str:
    """Return keystone's address."""
    return f"http://{settings.address(CONTROLLER)}:5000/v3"


def wait_for_keystone(cloud: Connection, seconds: float = 90) -> None:
    """Return when keystone gives a token."""
    wait.until(lambda: gives_token(cloud), "keystone to give a token", seconds=seconds)


def gives_token(cloud: Connection) -> bool:
    """Return whether keystone gives a token now."""
    try:
        cloud.session.invalidate()
        return bool(cloud.authorize())
    except (openstack.exceptions.SDKException, keystoneauth1.exceptions.ClientException):
        return False


def register_services(cloud: Connection, settings: Settings, passwords: Mapping[str, str]) -> None:
    """Make the services' users and endpoints, and a tenant for instances."""
    identity = _identity(cloud)
    roles = {role.name: role for role in identity.roles()}
    if "service" not in roles:
        roles["service"] = identity.create_role(name="service")
    project = identity.create_project(name="service", domain_id="default")
    for user_name, kind, path in _SERVICES:
        user = identity.create_user(
            name=user_name, password=passwords[user_name], domain_id="default", default_project_id=project.id
        )
        for role in ("admin", "service"):
            identity.assign_project_role_to_user(project, user, roles[role])
        service = identity.create_service(name=user_name, type=kind)
        url = f"http://{settings.address(CONTROLLER)}{path}"
        for interface in ("public", "internal"):
            identity.create_endpoint(service_id=service.id, interface=interface, url=url, region_id="RegionOne")
    tenant = identity.create_project(name=DEMO, domain_id="default")
    demo = identity.create_user(
        name=DEMO, password=passwords["demo"], domain_id="default", default_project_id=tenant.id
    )
    identity.assign_project_role_to_user(tenant, demo, roles["member"])


def _identity(cloud: Connection) -> identity_v3.Proxy:
    proxy = cloud.identity
    assert isinstance(proxy, identity_v3.Proxy)  # noqa: S101 - the lab's keystone has no other version
    return proxy


def computes_up(cloud: Connection) -> set[str]:
    """Return the compute nodes whose nova-compute nova takes for alive; none where nova cannot be asked."""
    try:
        services = list(cloud.compute.services(binary="nova-compute"))
    except (openstack.exceptions.SDKException, keystoneauth1.exceptions.ClientException):
        return set()
    return {service.host for service in services if service.state == "up"}


def agents_up(cloud: Connection) -> set[str]:
    """Return the nodes whose OVN controller neutron takes for alive; none where neutron cannot be asked."""
    try:
        agents = list(cloud.network.agents())
    except (openstack.exceptions.SDKException, keystoneauth1.exceptions.ClientException):
        return set()
    return {agent.host for agent in agents if agent.is_alive}


def image_ready(cloud: Connection) -> bool:
    """Return whether glance answers."""
    try:
        return list(cloud.image.images(limit=1)) is not None
    except (openstack.exceptions.SDKException, keystoneauth1.exceptions.ClientException):
        return False


def volumes_ready(cloud: Connection) -> bool:
    """Return whether cinder-volume says that it reaches Ceph, and cinder-scheduler would give it a volume."""
    try:
        alive = {one.binary for one in cloud.block_storage.services() if one.state == "up"}
        return {"cinder-volume", "cinder-scheduler"} <= alive and any(cloud.block_storage.backend_pools())
    except (openstack.exceptions.SDKException, keystoneauth1.exceptions.ClientException):
        return False


def wait_until_whole(cloud: Connection, settings: Settings, seconds: float = 180) -> None:
    """Return when every API answers an authenticated call and every compute node and network agent is alive.

    Raises:
        Failed: that is not so after the time given.
    """
    wait_for_keystone(cloud, seconds)
    wanted = set(settings.compute_names)
    wait.until(lambda: image_ready(cloud), "glance", seconds=seconds)
    wait.until(lambda: volumes_ready(cloud), "cinder's scheduler to know its backend", seconds=seconds)
    for what, alive in (("nova-compute", computes_up), ("the network agent", agents_up)):
        wait.until(
            lambda: wanted <= alive(cloud),  # noqa: B023 - asked before the next
            lambda: f"{what} on {', '.join(sorted(wanted - alive(cloud)))} to be up",  # noqa: B023
            seconds=seconds,
            interval=0.5,
        )


def register_content(cloud: Connection) -> None:
    """Make the flavors, the volume type, the tenant network and the rules that let ping and ssh in."""
    for name, vcpus, ram, disk, ephemeral in _FLAVORS:
        cloud.compute.create_flavor(name=name, vcpus=vcpus, ram=ram, disk=disk, ephemeral=ephemeral)
    cloud.block_storage.create_type(name=VOLUME_TYPE, extra_specs={"volume_backend_name": VOLUME_TYPE})
    # OVN answers DHCP in the gateway's name: a subnet without one gets no leases
    network = cloud.network.create_network(name=NETWORK, is_shared=True, is_port_security_enabled=True)
    cloud.network.create_subnet(name=f"{NETWORK}-v4", network_id=network.id, ip_version=4, cidr="192.168.77.0/24")
    for project in _identity(cloud).projects():
        if project.name in {"admin", DEMO}:
            _open_group(cloud, project.id)
            _lift_quota(cloud, project.id)


def _open_group(cloud: Connection, project: str) -> None:
    for group in cloud.network.security_groups(project_id=project, name="default"):
        for protocol, low, high in (("icmp", None, None), ("tcp", 22, 22)):
            cloud.network.create_security_group_rule(
                security_group_id=group.id,
                direction="ingress",
                ethertype="IPv4",
                protocol=protocol,
                port_range_min=low,
                port_range_max=high,
            )


def _lift_quota(cloud: Connection, project: str) -> None:
    cloud.compute.update_quota_set(project, instances=200, cores=400, ram=200_000)
    cloud.block_storage.update_quota_set(project, volumes=200, snapshots=200)
    cloud.network.update_quota(project, ports=1000, security_groups=100, security_group_rules=1000)
