"""Power controllers, by real ones: one suite for both drivers, and what is Redfish's or IPMI's alone."""

from __future__ import annotations

import http.server
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from bmc import LOCALHOST, PASSWORD, USER, Shelf, ipmi, redfish, serving
from werkzeug.serving import make_ssl_devcert

from stackmend.adapters.power import PowerControl
from stackmend.domain.node import Node, SshAccess
from stackmend.domain.power import Power, PowerController, PowerDriver
from stackmend.domain.values import NodeName, Secret
from stackmend.errors import Code, Failed, Refused, StackmendError
from stackmend.lab.redfish import configure

NODE = NodeName("c01")
DRIVERS: tuple[PowerDriver, ...] = ("redfish", "ipmi")


@dataclass(frozen=True)
class Bench:
    """A controller that answers, and a look behind it."""

    controller: PowerController
    is_on: Callable[[], bool]
    switch_on: Callable[[], object]


def control(controller: PowerController, *, seconds: float = 10.0) -> PowerControl:
    return PowerControl({NODE: Node(NODE, frozenset(), SshAccess("c01"), power=controller)}, seconds=seconds)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """What the emulator speaks of; there is one emulator in a process."""
    found = Shelf()
    configure(found, tmp_path_factory.mktemp("redfish"), USER, PASSWORD)
    return found


@pytest.fixture
def shelf(machines: Shelf) -> Shelf:
    """One machine, which is on and obeys."""
    machines.power, machines.stubborn, machines.failures = {"one": "On"}, set(), 0
    machines.hidden = set()
    return machines


@pytest.fixture
def service(shelf: Shelf) -> Iterator[PowerController]:
    """The shelf's Redfish service."""
    del shelf
    with redfish() as url:
        yield PowerController("redfish", url, USER, Secret(PASSWORD))


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, PowerController]]:
    folder = tmp_path_factory.mktemp("ipmi")
    with ipmi(folder) as address:
        yield folder, PowerController("ipmi", address, USER, Secret(PASSWORD))


@pytest.fixture(params=DRIVERS)
def bench(request: pytest.FixtureRequest) -> Bench:
    """A controller of each kind; its machine is on."""
    if request.param == "redfish":
        shelf, service = request.getfixturevalue("shelf"), request.getfixturevalue("service")
        return Bench(service, lambda: shelf.power["one"] == "On", lambda: shelf.power.update(one="On"))
    folder, controller = request.getfixturevalue("simulator")
    file = folder / "power"
    file.write_text("1\n")
    return Bench(controller, lambda: file.read_text() == "1\n", lambda: file.write_text("1\n"))


def code_of(question: Callable[[NodeName], object]) -> tuple[type[StackmendError], Code]:
    with pytest.raises(StackmendError) as caught:
        question(NODE)
    assert PASSWORD not in f"{caught.value.sentence} {caught.value.hint} {caught.value.evidence}"
    return type(caught.value), caught.value.code


def test_power_is_read_taken_and_given(bench: Bench) -> None:
    power = control(bench.controller)
    assert power.state(NODE) is Power.ON
    power.off(NODE)
    assert not bench.is_on()
    assert power.state(NODE) is Power.OFF
    power.on(NODE)
    assert bench.is_on()
    assert power.state(NODE) is Power.ON


def test_orders_may_be_given_twice(bench: Bench) -> None:
    power = control(bench.controller)
    power.on(NODE)
    power.off(NODE)
    power.off(NODE)
    assert not bench.is_on()


def test_power_that_somebody_else_gave_is_seen(bench: Bench) -> None:
    power = control(bench.controller)
    power.off(NODE)
    assert power.state(NODE) is Power.OFF
    bench.switch_on()
    assert power.state(NODE) is Power.ON


@pytest.mark.parametrize("wrong", [{"password": Secret("wrong")}, {"user": "nobody"}])
def test_a_login_that_is_not_accepted(bench: Bench, wrong: dict[str, Any]) -> None:
    power = control(replace(bench.controller, **wrong))
    for question in (power.state, power.off):
        assert code_of(question) == (Failed, Code.POWER_REFUSED)
    assert bench.is_on()


@pytest.fixture(params=DRIVERS)
def mute(request: pytest.FixtureRequest) -> Iterator[PowerController]:
    """A controller that takes what is sent to it and says nothing."""
    kind = socket.SOCK_STREAM if request.param == "redfish" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as ear:
        ear.bind((LOCALHOST, 0))
        if request.param == "redfish":
            ear.listen()
        address = f"{LOCALHOST}:{ear.getsockname()[1]}"
        yield PowerController(
            request.param, f"http://{address}" if request.param == "redfish" else address, USER, Secret(PASSWORD)
        )


def test_silence_ends_in_time(mute: PowerController) -> None:
    power = control(mute, seconds=1)
    began = time.monotonic()
    for question in (power.state, power.off, power.on):
        assert code_of(question) == (Failed, Code.POWER_UNREACHABLE)
    assert time.monotonic() - began < 30  # three questions, on a busy machine too


@pytest.mark.parametrize(
    ("driver", "address"), [("redfish", f"http://{LOCALHOST}:9"), ("ipmi", "no.such.host.invalid")]
)
def test_nobody_there(driver: PowerDriver, address: str) -> None:
    assert code_of(control(PowerController(driver, address, USER), seconds=3).state) == (
        Failed,
        Code.POWER_UNREACHABLE,
    )


def test_the_password_may_be_in_a_file_or_a_variable(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{PASSWORD}\n")
    monkeypatch.setenv("BMC_PASSWORD", PASSWORD)
    bare = replace(bench.controller, password=Secret(""))
    for kept in (replace(bare, password_file=str(file)), replace(bare, password_env="BMC_PASSWORD")):
        assert control(kept).state(NODE) is Power.ON


def test_a_password_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    bare = PowerController("redfish", "http://192.0.2.1", USER)
    for kept in (
        replace(bare, password_file=str(tmp_path / "none")),
        replace(bare, password_file=str(tmp_path / "empty")),
        replace(bare, password_env="NO_SUCH_VARIABLE"),
    ):
        assert code_of(control(kept).off) == (Refused, Code.POWER_PASSWORD)


def test_no_controller() -> None:
    power = PowerControl({NODE: Node(NODE, frozenset(), SshAccess("c01"))})
    for question in (power.state, power.off, power.on, power.describe):
        assert code_of(question) == (Refused, Code.POWER_NONE)
    with pytest.raises(Refused, match="no node c09"):
        power.state(NodeName("c09"))


def test_what_describes_a_controller_has_no_password(bench: Bench) -> None:
    said = control(bench.controller).describe(NODE)
    assert said == f"{bench.controller.driver} at {bench.controller.address} as operator"


def test_what_is_on_its_way_is_neither_on_nor_off(shelf: Shelf, service: PowerController) -> None:
    shelf.power["one"] = "PoweringOff"
    assert control(service).state(NODE) is Power.UNKNOWN


def test_one_of_several_systems(shelf: Shelf, service: PowerController) -> None:
    shelf.power["two"] = "On"
    with pytest.raises(Failed, match="has not just one system") as caught:
        control(service).off(NODE)
    assert caught.value.code is Code.POWER_REFUSED
    assert "'system'" in caught.value.hint
    for system in ("two", "/redfish/v1/Systems/two"):
        assert control(replace(service, system=system)).state(NODE) is Power.ON
    control(replace(service, system="two")).off(NODE)
    assert shelf.power == {"one": "On", "two": "Off"}
    assert code_of(control(replace(service, system="three")).off) == (Failed, Code.POWER_REFUSED)


def test_a_system_that_cannot_be_read_is_not_left_out_of_the_count(shelf: Shelf, service: PowerController) -> None:
    shelf.power["ghost"] = "On"
    shelf.hidden = {"ghost"}
    assert code_of(control(service).off) == (Failed, Code.POWER_REFUSED)
    assert shelf.power["one"] == "On"


def test_an_order_that_is_refused(shelf: Shelf, service: PowerController) -> None:
    shelf.stubborn = {"ForceOff"}
    assert code_of(control(service).off) == (Failed, Code.POWER_REFUSED)
    shelf.power["one"] = "Off"
    control(service).off(NODE)


def test_a_service_that_fails_once_is_asked_again(shelf: Shelf, service: PowerController) -> None:
    shelf.failures = 1
    assert control(service).state(NODE) is Power.ON


def test_a_certificate_is_checked(shelf: Shelf, tmp_path: Path) -> None:
    del shelf
    certificate = make_ssl_devcert(str(tmp_path / "bmc"), host="localhost")
    with redfish(certificate=certificate) as url:
        controller = PowerController("redfish", url, USER, Secret(PASSWORD))
        assert code_of(control(controller).off) == (Failed, Code.POWER_REFUSED)
        assert control(replace(controller, ca=certificate[0])).state(NODE) is Power.ON
        assert control(replace(controller, insecure=True)).state(NODE) is Power.ON


class _Page(http.server.BaseHTTPRequestHandler):
    """Says something that is not Redfish, to everybody."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>It works!</html>")

    def log_message(self, *words: object) -> None:
        del words


def test_something_that_is_no_redfish_service() -> None:
    server = http.server.HTTPServer((LOCALHOST, 0), _Page)
    with serving(server):
        power = control(PowerController("redfish", f"http://{LOCALHOST}:{server.server_port}", USER))
        assert code_of(power.state) == (Failed, Code.POWER_REFUSED)


def test_ipmitool_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match="ipmitool is not installed on this machine") as caught:
        control(PowerController("ipmi", LOCALHOST, USER)).off(NODE)
    assert caught.value.code is Code.POWER_CLIENT


def test_arguments_carry_no_password(
    simulator: tuple[Path, PowerController], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A program of ipmitool's name notes its arguments, and whether the password reached it otherwise."""
    program = tmp_path / "ipmitool"
    program.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/words\n[ "$IPMI_PASSWORD" = {PASSWORD} ] && echo Chassis\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert control(simulator[1]).state(NODE) is Power.UNKNOWN
    words = (tmp_path / "words").read_text()
    assert PASSWORD not in words
    assert "-E" in words.split()
