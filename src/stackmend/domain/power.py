"""Power: whether a node has it, and the controller beside the node that gives and takes it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from stackmend.domain.values import Secret

PowerDriver: TypeAlias = Literal["redfish", "ipmi"]
DRIVERS: tuple[PowerDriver, ...] = ("redfish", "ipmi")


class Power(enum.StrEnum):
    """What a power controller says of its node; ``UNKNOWN`` for anything that is neither, such as on its way."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class PowerController:
    """What gives a node its power and takes it, and goes on when the node does not: its BMC.

    Attributes:
        driver: ``redfish`` or ``ipmi``.
        address: URL for Redfish, such as ``https://10.0.9.21``; ``HOST`` or ``HOST:PORT`` for IPMI.
        user: login name.
        password: its password, where the inventory has it in plain text; better is one of the next two.
        password_file: path of a file whose first line is the password.
        password_env: name of an environment variable that holds the password.
        system: id or path of the node among the controller's systems (Redfish); empty where there is only one.
        ca: path of the certificates that the controller's is checked against (Redfish); empty for the usual ones.
        insecure: whether any certificate is believed (Redfish).
    """

    driver: PowerDriver
    address: str
    user: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))
    password_file: str = ""
    password_env: str = ""
    system: str = ""
    ca: str = ""
    insecure: bool = False
