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
_SUITES = ("17", "3")
"""Cipher suites to try: asking the controller which it has takes ipmitool seconds, where it answers that at all."""
_NOT_THAT_SUITE = "Error in open session response message"
_REFUSALS = ("RAKP", "insufficient privilege", "Invalid user name")
"""Pieces of what ipmitool says where a controller answered and did not let the user in."""
_SILENCES = ("Unable to establish", "Address lookup")
"""Pieces of what it says where nobody answered; looked for after the refusals, as it says the first after those too."""


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
        lines = self._chassis_power("status").splitlines()
        return next((power for says, power in _SAYS.items() if says in lines), Power.UNKNOWN)

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
        """Give ``ipmitool chassis power`` a word, and return what it prints."""
        for suite in _SUITES:
            done = self._run("-C", suite, "chassis", "power", word)
            if done.returncode == 0:
                return done.stdout
            if _NOT_THAT_SUITE not in done.stderr:
                break
        raise self._failure(done.stderr)

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        program = shutil.which(PROGRAM)
        if program is None:
            sentence = f"{self._node} has an IPMI controller, and {PROGRAM} is not installed on this machine"
            raise Refused(Code.POWER_CLIENT, sentence, hint=f"install {PROGRAM}, or name the node's Redfish service")
        host, port = _parts(self._controller.address)
        login = ["-H", host, "-p", port, "-U", self._controller.user, "-E", "-L", "OPERATOR"]
        try:
            return subprocess.run(
                [program, "-v", "-I", "lanplus", "-N", "2", "-R", "2", *login, *words],
                env=os.environ | {"IPMI_PASSWORD": self._password.reveal()},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=self._seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise unreachable(self._node, self._controller, f"nothing within {self._seconds:.0f} s") from error

    def _failure(self, stderr: str) -> Failed:
        if any(piece in stderr for piece in _REFUSALS):
            return refused(self._node, self._controller, "did not accept the login", stderr)
        if _NOT_THAT_SUITE not in stderr and any(piece in stderr for piece in _SILENCES):
            return unreachable(self._node, self._controller, stderr)
        return refused(self._node, self._controller, "did not do as it was asked", stderr)


def _parts(address: str) -> tuple[str, str]:
    """Return host and port of ``HOST``, ``HOST:PORT`` or ``[V6]:PORT``."""
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        return host, rest.removeprefix(":") or PORT
    host, colon, port = address.partition(":")
    return (address, PORT) if ":" in port else (host, port if colon else PORT)
