"""Real power controllers to talk to: sushy-tools' Redfish emulator on a shelf of machines, OpenIPMI's simulator."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer
from pathlib import Path

from sushy_tools import error
from sushy_tools.emulator import main as emulator
from sushy_tools.emulator.resources.systems.base import AbstractSystemsDriver
from werkzeug.serving import make_server

from stackmend.lab import prerequisites

USER, PASSWORD = "operator", "Geheim1"
LOCALHOST = "127.0.0.1"


class Shelf(AbstractSystemsDriver):  # type: ignore[misc]  # it has no types
    """Machines by name, and the state of each.

    Orders in ``stubborn`` are refused with a conflict; machines in ``hidden`` are listed, and not found; so many
    ``failures`` are answered first.
    """

    driver = "<shelf>"

    def __init__(self) -> None:
        self.power: dict[str, str] = {}
        self.stubborn: set[str] = set()
        self.hidden: set[str] = set()
        self.failures = 0

    @property
    def systems(self) -> list[str]:
        if self.failures:
            self.failures -= 1
            raise error.FishyError("not yet ready")
        return list(self.power)

    def uuid(self, identity: str) -> str:
        if identity not in self.power.keys() - self.hidden:
            raise error.NotFound
        return identity

    name = uuid

    def get_power_state(self, identity: str) -> str:
        return self.power[identity]

    def set_power_state(self, identity: str, state: str) -> None:
        if state in self.stubborn:
            raise error.Conflict(f"{identity} does not want {state}")
        self.power[identity] = {"ForceOff": "Off", "On": "On"}[state]

    def get_boot_device(self, identity: str) -> str:
        return self.uuid(identity) and "Hdd"

    def set_boot_device(self, identity: str, boot_source: str) -> None:
        raise error.NotSupportedError(f"{identity} {boot_source}")


@contextmanager
def redfish(*, certificate: tuple[str, str] | None = None) -> Iterator[str]:
    """Serve the shelf that the emulator was configured with, and give the service's URL.

    By TLS where there are files of a certificate for localhost.
    """
    server = make_server(LOCALHOST, 0, emulator.app, threaded=True, ssl_context=certificate)
    with serving(server):
        yield f"https://localhost:{server.port}" if certificate else f"http://{LOCALHOST}:{server.port}"


@contextmanager
def serving(server: HTTPServer) -> Iterator[None]:
    """Let a server serve while the context lasts."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


_LAN = """\
name "bmc"
set_working_mc 0x20
startlan 1
  addr {host} {port}
  priv_limit admin
  allowed_auths_admin none md2 md5 straight
  guid a123456789abcdefa123456789abcdef
endlan
chassis_control "{folder}/chassis"
user 2 true "{user}" "{password}" admin 10 none md2 md5 straight
"""
_EMULATION = """\
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
mc_enable 0x20
"""
_CHASSIS = """\
#!/bin/sh
cd {folder}
case "$1 $2" in
"get power") echo "power:$(cat power)" ;;
"set power") echo "$3" > power ;;
esac
"""


@contextmanager
def ipmi(folder: Path) -> Iterator[str]:
    """Run the simulator of one machine, and give its address; ``power`` in the folder is 1 while the machine is on."""
    prerequisites.install_packages(prerequisites.missing(prerequisites.IPMI), folder / "install.log")
    program = shutil.which("ipmi_sim", path=os.environ["PATH"] + ":/usr/sbin")
    assert program, "openipmi is not installed"
    port = _free_port()
    (folder / "power").write_text("1\n")
    (folder / "lan.conf").write_text(
        _LAN.format(host=LOCALHOST, port=port, folder=folder, user=USER, password=PASSWORD)
    )
    (folder / "machine.emu").write_text(_EMULATION)
    (folder / "chassis").write_text(_CHASSIS.format(folder=folder))
    (folder / "chassis").chmod(0o755)
    argv = [program, "-n", "-c", str(folder / "lan.conf"), "-f", str(folder / "machine.emu"), "-s", str(folder)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _wait_for_udp(port, process)
        yield f"{LOCALHOST}:{port}"
    finally:
        process.kill()
        process.wait(10)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((LOCALHOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_udp(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while f":{port:04X} " not in Path("/proc/net/udp").read_text():
        assert process.poll() is None, "ipmi_sim ended"
        assert time.monotonic() < deadline, "ipmi_sim does not listen"
        time.sleep(0.05)
