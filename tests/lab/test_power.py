"""The lab's power controllers, by Redfish: state, off and on; their faults; and that they come back with the lab."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator

import pytest
from fleet import Ended, until

from stackmend.adapters.power import PowerControl
from stackmend.adapters.world import World
from stackmend.domain.power import Power
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Failed
from stackmend.lab import power
from stackmend.lab.host import Host
from stackmend.lab.settings import Settings, from_environment
from stackmend.lab.state import recall

pytestmark = pytest.mark.lab

Command = Callable[..., Ended]
NODE = NodeName("c03")


@pytest.fixture
def settings(lab: dict[str, str]) -> Settings:
    del lab
    return recall(from_environment())


@pytest.fixture
def host(settings: Settings) -> Host:
    return Host(settings, NODE)


@pytest.fixture(scope="module", autouse=True)
def whole_again(stackmend: Command) -> Iterator[None]:
    """Leave the node with power, and nova-compute reporting."""
    yield
    ended = stackmend("lab", "heal", "power-cut", NODE)
    assert ended.status == 0, ended.out + ended.err


@pytest.fixture
def broken(stackmend: Command) -> Iterator[Callable[[str], None]]:
    """Give the node's controller a fault; it is healed at the end."""
    given: list[str] = []

    def do(fault: str) -> None:
        given.append(fault)
        assert stackmend("lab", "break", fault, NODE).status == 0

    yield do
    for fault in given:
        assert stackmend("lab", "heal", fault, NODE).status == 0


def test_the_inventory_names_every_controller(stackmend: Command, settings: Settings) -> None:
    ended = stackmend("node", "power", "status", "-f", "json")
    assert ended.status == 0, ended.out + ended.err
    rows = {row["node"]: row for row in ended.json()}
    assert rows.keys() == set(settings.nodes)
    assert {row["power"] for row in rows.values()} <= {"on", "off"}
    assert power.password(settings) not in ended.out


def test_power_is_taken_and_given(world: World, host: Host) -> None:
    assert world.power.state(NODE) is Power.ON
    world.power.off(NODE)
    until(lambda: host.supervisor() is None, f"{NODE} has no power", timeout=20)
    assert world.power.state(NODE) is Power.OFF
    world.power.on(NODE)
    until(lambda: host.supervisor() is not None, f"{NODE} has power", timeout=20)
    assert world.power.state(NODE) is Power.ON


def test_a_switch_is_worked_by_one_at_a_time(host: Host) -> None:
    """A power cut that still cleared up used to pull the cable of a host that had been given power meanwhile."""

    def on_as_soon_as_it_is_off() -> None:
        while host.supervisor() is not None:
            pass
        host.power_on()

    hands = [threading.Thread(target=each) for each in (host.power_off, on_as_soon_as_it_is_off)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join(60)
    host.wait_for_ssh()


def test_a_controller_that_does_not_answer(
    world: World, host: Host, broken: Callable[[str], None], stackmend: Command
) -> None:
    broken(power.UNREACHABLE)
    with pytest.raises(Failed) as caught:
        PowerControl(world.inventory.nodes, seconds=2).off(NODE)
    assert caught.value.code is Code.POWER_UNREACHABLE
    assert host.supervisor() is not None
    ended = stackmend("node", "power", "status", NODE, "-f", "json")
    assert ended.status == 1
    assert (ended.json()[0]["power"], "did not answer" in ended.json()[0]["problem"]) == ("unknown", True)


def test_a_controller_that_lies(world: World, host: Host, broken: Callable[[str], None]) -> None:
    before = host.supervisor()
    broken(power.LIES)
    assert world.power.state(NODE) is Power.OFF
    world.power.off(NODE)
    assert host.supervisor() == before
    power.cure(host.settings, power.LIES, NODE)
    assert world.power.state(NODE) is Power.ON


def test_a_controller_that_dies_with_its_node(world: World, host: Host, broken: Callable[[str], None]) -> None:
    broken(power.DIES_WITH_NODE)
    assert world.power.state(NODE) is Power.ON
    world.power.off(NODE)
    assert host.supervisor() is None
    with pytest.raises(Failed) as caught:
        PowerControl(world.inventory.nodes, seconds=2).state(NODE)
    assert caught.value.code is Code.POWER_UNREACHABLE
    host.power_on()
    until(lambda: power.answers(host.settings, NODE), "the controller answers", timeout=20)
    assert world.power.state(NODE) is Power.ON


def test_controllers_that_died_come_back_with_the_lab(world: World, settings: Settings, stackmend: Command) -> None:
    service = power.service(settings)
    assert service is not None
    service.signal(signal.SIGKILL)
    until(lambda: not service.alive(), "the service is gone", timeout=10)
    ended = stackmend("lab", "up")
    assert ended.status == 0, ended.out + ended.err
    assert "up already" not in ended.out
    assert world.power.state(NODE) is Power.ON
