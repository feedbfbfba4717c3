"""The lab's power controllers: a Redfish service on this machine, beside the hosts, that has one listener a host."""

from __future__ import annotations

import http.client
import secrets
import signal
import sys

from stackmend.errors import Failed
from stackmend.lab import credentials, launch, process, wait
from stackmend.lab.process import Process
from stackmend.lab.settings import Settings

USER = "operator"
PASSWORD_FILE = "power_password"  # noqa: S105 - the name of a file
UNREACHABLE, LIES, DIES_WITH_NODE = "bmc-unreachable", "bmc-lies", "bmc-dies-with-node"

_FIRST_PORT = 8400


def port(settings: Settings, node: str) -> int:
    """Return the port of a node's controller, on the bridge's own address."""
    return _FIRST_PORT + int(settings.address(node).rpartition(".")[2])


def url(settings: Settings, node: str) -> str:
    """Return where a node's controller is."""
    return f"http://{settings.gateway}:{port(settings, node)}"


def ensure_password(settings: Settings) -> None:
    """Make the password of the controllers' user, unless the state directory has one."""
    file = settings.state / PASSWORD_FILE
    if not file.exists():
        credentials.write(file, secrets.token_hex(8) + "\n")


def password(settings: Settings) -> str:
    """Return the password of the controllers' user."""
    return (settings.state / PASSWORD_FILE).read_text().strip()


def service(settings: Settings) -> Process | None:
    """Return the process that is the controllers; None where it does not run."""
    found = process.read(settings.state / "power" / "pid")
    return found if found is not None and found.alive() else None


def start(settings: Settings) -> bool:
    """Start the controllers and return when every one answers; needs the bridge.

    Returns:
        False where they ran already.

    Raises:
        Failed: they do not answer in time.
    """
    if service(settings) is not None:
        return False
    folder = settings.state / "power"
    folder.mkdir(exist_ok=True)
    ensure_password(settings)
    argv = [sys.executable, "-m", "stackmend.lab.redfish", str(settings.state)]
    launch.detached(argv, name=f"{settings.bridge}-power", log=folder / "log")
    wait.until(lambda: service(settings), "the power controllers", seconds=60)
    return True


def stop(settings: Settings) -> None:
    """End the controllers; nothing happens where they do not run."""
    running = service(settings)
    if running is None:
        return
    running.signal(signal.SIGTERM)
    try:
        wait.until(lambda: not running.alive(), "the end of the power controllers", seconds=10)
    except Failed:
        running.signal(signal.SIGKILL)


def afflict(settings: Settings, fault: str, node: str) -> None:
    """Give a node's controller a fault; it has it with the next request."""
    (settings.state / "power" / f"{node}.{fault}").touch()


def cure(settings: Settings, fault: str, node: str) -> None:
    """Take a fault from a node's controller."""
    (settings.state / "power" / f"{node}.{fault}").unlink(missing_ok=True)


def has(settings: Settings, fault: str, node: str) -> bool:
    """Return whether a node's controller has a fault."""
    return (settings.state / "power" / f"{node}.{fault}").exists()


def answers(settings: Settings, node: str) -> bool:
    """Return whether a node's controller answers."""
    connection = http.client.HTTPConnection(str(settings.gateway), port(settings, node), timeout=2)
    try:
        connection.request("GET", "/redfish/v1/")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
