"""Power controllers, as both kinds of inventory describe them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from stackmend.domain.power import DRIVERS, PowerController
from stackmend.domain.values import Secret
from stackmend.errors import Refused

FIELDS: dict[str, type] = {
    field.name: bool if isinstance(field.default, bool) else str for field in fields(PowerController)
}
"""What is said of a controller, and of which type it is."""
PATHS = {"password_file", "ca"}
SECRETS = {"password"}
_PASSWORDS = ("password", "password_file", "password_env")


def merged(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a node's fields on top of the defaults; whoever names a password in any way wants no other."""
    named = any(name in given for name in _PASSWORDS)
    return {k: v for k, v in defaults.items() if not (named and k in _PASSWORDS)} | dict(given)


def controller(given: Mapping[str, Any], wrong: Callable[[str], Refused]) -> PowerController:
    """Return the controller that fields describe.

    Args:
        given: the fields, each of its type.
        wrong: makes the refusal of what is wrong, with the place.

    Raises:
        Refused: INVENTORY_MALFORMED.
    """
    for name in ("driver", "address"):
        if not given.get(name):
            raise wrong(f"a power controller needs its {name}")
    if given["driver"] not in DRIVERS:
        raise wrong(f"there is no driver {given['driver']} of power controllers; drivers are {', '.join(DRIVERS)}")
    _check_address(given["driver"], given["address"], wrong)
    if sum(bool(given.get(name)) for name in _PASSWORDS) > 1:
        raise wrong(f"a power controller has one password: name one of {', '.join(_PASSWORDS)}")
    return PowerController(**{**given, "password": Secret(given.get("password", ""))})


def _check_address(driver: str, address: str, wrong: Callable[[str], Refused]) -> None:
    if "@" in address:
        raise wrong("the address of a power controller holds no login; use user, and a password field")
    if (driver == "redfish") is not address.startswith(("http://", "https://")):
        kind = "a URL, such as https://192.0.2.121" if driver == "redfish" else "HOST or HOST:PORT"
        raise wrong(f"the address of a controller for {driver} is {kind}, not {address}")
