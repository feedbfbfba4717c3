"""What can be broken of an instance's ports in neutron."""

from __future__ import annotations

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
    with cloud.connect(settings, credentials.passwords(settings.state)) as connection:
        for port in connection.network.ports(device_id=instance):
            if (port.binding_host_id, port.binding_vnic_type) == (node, card):
                continue
            connection.network.update_port(port, binding_host_id="")  # a bound port's kind of card is not changed
            connection.network.update_port(port.id, binding_host_id=node, binding_vnic_type=card)
