"""IPMI over LAN, by the program ipmitool on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess

from stackmend.adapters.power.errors import refused, unreachable
from stackmend.domain.power import Power, PowerController
from stackmend.domain.values import NodeName, Secret
from stackmend.errors import Code, Failed, Refused

PROGRAM = "ipmitool"
PORT = "623"
_SAYS = {"Chassis Power is on": Power.ON, "Chassis Power is off": Power.OFF}
_REFUSALS = ("RAKP", "insufficient privilege", "unauthorized name", "Invalid user name", "Password", "Close Session")
"""Pieces of what ipmitool says where a controller answered and did not let the user in."""


class Ipmi:
    """A node's controller that speaks IPMI 2.0.

    Args:
        node: whose power it is.
        controller: its address.
        password: of its user; handed over by the environment, as arguments are seen by everybody on this machine.
        seconds: how long a call may take.
    """

    def __init__(self, node: NodeName, controller: PowerController, password: Secret, seconds: float) -> None:
        self._node = node
        self._controller = controller
        self._password = password
        self._seconds = seconds

    def state(self) -> Power:
        """Return what the controller says."""
        return _SAYS.get(self._chassis_power("status").strip(), Power.UNKNOWN)

    def off(self) -> None:
        """Order the power off at once."""
        self._order("off", Power.OFF)

    def on(self) -> None:
        """Order the power on."""
        self._order("on", Power.ON)

    def _order(self, word: str, wanted: Power) -> None:
        """Give an order; some controllers refuse one to be what the chassis is already, and that is no failure."""
        try:
            self._chassis_power(word)
        except Failed as error:
            if error.code is not Code.POWER_REFUSED or self.state() is not wanted:
                raise

    def _chassis_power(self, word: str) -> str:
        program = shutil.which(PROGRAM)
        if program is None:
            sentence = f"{self._node} has an IPMI controller, and {PROGRAM} is not installed on this machine"
            raise Refused(Code.POWER_CLIENT, sentence, hint=f"install {PROGRAM}, or name the node's Redfish service")
        host, port = _parts(self._controller.address)
        argv = [program, "-I", "lanplus", "-H", host, "-p", port, "-U", self._controller.user, "-E"]
        argv += ["-N", "2", "-R", "3", "chassis", "power", word]
        environment = os.environ | {"IPMI_PASSWORD": self._password.reveal()}
        try:
            done = subprocess.run(
                argv,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=self._seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise unreachable(self._node, self._controller, f"nothing within {self._seconds:.0f} s") from error
        if done.returncode != 0:
            raise self._failure(done.stderr)
        return done.stdout

    def _failure(self, stderr: str) -> Failed:
        if any(piece in stderr for piece in _REFUSALS):
            return refused(self._node, self._controller, "did not accept the login", stderr)
        if "Unable to establish" in stderr or "Address lookup" in stderr:
            return unreachable(self._node, self._controller, stderr)
        return refused(self._node, self._controller, "did not do as it was asked", stderr)


def _parts(address: str) -> tuple[str, str]:
    """Return host and port of ``HOST``, ``HOST:PORT`` or ``[V6]:PORT``."""
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        return host, rest.removeprefix(":") or PORT
    host, colon, port = address.partition(":")
    return (address, PORT) if ":" in port else (host, port if colon else PORT)
