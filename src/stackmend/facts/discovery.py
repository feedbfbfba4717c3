"""Which nodes a cloud has, by its own records: nova's services and hypervisors, neutron's agents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from stackmend.adapters.world import World
from stackmend.domain.node import NetworkAgent, Node, Role, SshAccess
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Failed, StackmendError
from stackmend.facts import hypervisors, network, services

_NOVA_ROLES: Mapping[str, Role] = {
    "nova-compute": Role.COMPUTE,
    "nova-conductor": Role.CONTROLLER,
    "nova-scheduler": Role.CONTROLLER,
}
_AGENT_ROLES: Mapping[str, Role] = {
    "L3 agent": Role.NETWORK,
    "DHCP agent": Role.NETWORK,
    "Metadata agent": Role.NETWORK,
    "OVN Controller Gateway agent": Role.NETWORK,
}


def nodes(world: World, access: SshAccess) -> tuple[Node, ...]:
    """Return the nodes that nova and neutron know, sorted by name.

    Roles that neither of them knows (database, messaging, storage) are not found out. A node's address is what nova has
    for its hypervisor; that of the only controller is where nova's API is; all others' is their name.

    Args:
        world: the cloud; its inventory may be empty.
        access: how all of them are reached, but for the address.

    Raises:
        Failed: nova or keystone could not be asked, or nova has no service.
    """
    roles = _roles(world)
    if not roles:
        raise Failed(Code.API_ERROR, "nova knows no service, so there is no node", hint="log in as an administrator")
    addresses = _addresses(world, [name for name, has in roles.items() if Role.CONTROLLER in has])
    return tuple(
        Node(name, frozenset(has), replace(access, address=addresses.get(name, name)))
        for name, has in sorted(roles.items())
    )


def _roles(world: World) -> dict[NodeName, set[Role]]:
    roles: dict[NodeName, set[Role]] = {}
    for service in services.all_services(world):
        if service.binary in _NOVA_ROLES:
            roles.setdefault(service.record.host, set()).add(_NOVA_ROLES[service.binary])
    for agent in _agents(world):
        if agent.kind in _AGENT_ROLES:
            roles.setdefault(agent.host, set()).add(_AGENT_ROLES[agent.kind])
    return roles


def _agents(world: World) -> tuple[NetworkAgent, ...]:
    try:
        return network.agents(world)
    except StackmendError:
        return ()  # nova's services are enough to begin with


def _addresses(world: World, controllers: list[NodeName]) -> dict[NodeName, str]:
    addresses = hypervisors.addresses(world)
    if len(controllers) == 1:
        addresses.setdefault(controllers[0], world.openstack.host_of("compute"))
    return addresses
