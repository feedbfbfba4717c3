"""What can be broken of an instance's ports in neutron."""

from __future__ import annotations

from openstack.connection import Connection

from stackmend.lab import cloud, credentials
from stackmend.lab.settings import Settings

_UNKNOWN = "macvtap"
"""A kind of network card that no driver of the lab binds."""


def fail_binding(settings: Settings, node: str, instance: str) -> None:
    """Have neutron try in vain to bind each port of an instance on its node."""
    _bind(settings, node, instance, _UNKNOWN)


def bind(settings: Settings, node: str, instance: str) -> None:
    """Have neutron bind each port of an instance on its node, as it was."""
    _bind(settings, node, instance, "normal")


def _bind(settings: Settings, node: str, instance: str, card: str) -> None:
    connection = cloud.connect(settings, credentials.passwords(settings.state))
    for port in connection.network.ports(device_id=instance):
        _update(connection, str(port.id), {"binding:host_id": ""})  # a bound port's kind of card is not changed
        _update(connection, str(port.id), {"binding:host_id": node, "binding:vnic_type": card})
    connection.close()


def _update(connection: Connection, port: str, change: dict[str, str]) -> None:
    connection.network.put(f"/ports/{port}", json={"port": change}).raise_for_status()
