"""The service behind ``power``: sushy-tools' Redfish emulator with a driver that powers the lab's hosts.

Run as ``python -m stackmend.lab.redfish STATE``. Each host has a listener of its own, as each machine has a BMC of its
own; they share the emulator, which asks the driver.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import flask
from sushy_tools import error
from sushy_tools.emulator import main as emulator
from sushy_tools.emulator.resources.systems.base import AbstractSystemsDriver
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from stackmend.lab import credentials, power, process, state
from stackmend.lab.host import Host
from stackmend.lab.settings import Settings

_NODE = "stackmend.node"
_CHEAP_ROUNDS = 4
"""Of bcrypt: every request pays them, and the password is the lab's."""


class Systems(AbstractSystemsDriver):  # type: ignore[misc]  # it has no types
    """The hosts as computer systems; who asks at a node's listener sees that node alone.

    Args:
        settings: the lab's.
    """

    driver = "<stackmend-lab>"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def systems(self) -> list[str]:
        """The one node whose listener was asked."""
        return [flask.request.environ[_NODE]]

    def uuid(self, identity: str) -> str:
        """Return the node's name, which does for an id."""
        if identity not in self.systems:
            raise error.NotFound
        return identity

    name = uuid

    def get_power_state(self, identity: str) -> str:
        """Return On or Off: whether the node's container runs, unless the controller lies."""
        node = self.uuid(identity)
        if power.has(self._settings, power.LIES, node):
            return "Off"
        return "On" if Host(self._settings, node).supervisor() is not None else "Off"

    def set_power_state(self, identity: str, order: str) -> None:
        """Do as ordered; a clean shutdown takes its time, and the answer does not wait for it."""
        host = Host(self._settings, self.uuid(identity))
        orders: dict[str, Callable[[], None]] = {
            "On": host.power_on,
            "ForceOn": host.power_on,
            "ForceOff": host.power_off,
            "ForceRestart": lambda: _restart(host),
            "GracefulShutdown": threading.Thread(target=host.halt, daemon=True).start,
        }
        if order not in orders:
            raise error.NotSupportedError(f"{order} is not supported")
        if not power.has(self._settings, power.LIES, host.node):
            orders[order]()

    def get_boot_device(self, identity: str) -> str:
        """Return the only one there is."""
        self.uuid(identity)
        return "Hdd"

    def set_boot_device(self, identity: str, boot_source: str) -> None:
        """Refuse: there is no other."""
        raise error.NotSupportedError(f"{identity} cannot boot from {boot_source}")


def _restart(host: Host) -> None:
    host.power_off()
    host.power_on()


class _OneRequest(WSGIRequestHandler):
    """Answers one request a connection, so that none is open when the controller falls silent."""

    protocol_version = "HTTP/1.0"


@dataclass(frozen=True)
class _AsNode:
    """The emulator as one node's listener has it: requests are marked with the node."""

    node: str

    def __call__(self, environ: dict[str, Any], respond: Callable[..., Any]) -> Iterable[bytes]:
        answer: Iterable[bytes] = emulator.app({**environ, _NODE: self.node}, respond)
        return answer


class Listener(ThreadedWSGIServer):
    """One node's controller; while it is silent it takes connections and says nothing, and drops them after.

    Args:
        settings: the lab's.
        node: whose it is.
    """

    daemon_threads = True

    def __init__(self, settings: Settings, node: str) -> None:
        self._settings = settings
        self._node = node
        super().__init__(str(settings.gateway), power.port(settings, node), _AsNode(node), _OneRequest)

    def verify_request(self, request: object, client_address: object) -> bool:
        """Return whether to answer; called for one connection after the other."""
        del request, client_address
        silent = self._silent()
        while self._silent():
            time.sleep(0.2)
        return not silent

    def _silent(self) -> bool:
        if power.has(self._settings, power.UNREACHABLE, self._node):
            return True
        dies = power.has(self._settings, power.DIES_WITH_NODE, self._node)
        return dies and Host(self._settings, self._node).supervisor() is None


def configure(driver: AbstractSystemsDriver, folder: Path, user: str, password: str) -> None:
    """Make the emulator ask a driver, and let in one user; its own files go into a folder."""
    digest = bcrypt.hashpw(password.encode(), bcrypt.gensalt(_CHEAP_ROUNDS)).decode()
    credentials.write(folder / "users", f"{user}:{digest}\n")
    emulator.Application.systems = driver
    emulator.app.configure(
        extra_config={
            "SUSHY_EMULATOR_AUTH_FILE": str(folder / "users"),
            "SUSHY_EMULATOR_STATE_DIR": str(folder),
            "SUSHY_EMULATOR_FEATURE_SET": "minimum",
        }
    )


def main() -> None:
    """Serve until the process is ended."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    settings = state.recall(Settings(state=Path(sys.argv[1])))
    folder = settings.state / "power"
    configure(Systems(settings), folder, power.USER, power.password(settings))
    listeners = [Listener(settings, node) for node in settings.nodes]
    threads = [threading.Thread(target=listener.serve_forever) for listener in listeners]
    for thread in threads:
        thread.start()
    process.write_own(folder / "pid")
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
