"""How each service is, decided from what was seen of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stackmend.domain.health import Held
from stackmend.domain.instance import ComputeService, Instance, NovaService
from stackmend.domain.node import NetworkAgent, Node, Role, SshAccess
from stackmend.domain.overview import CloudFacts, Glance, Overview, Process, Reading, ServiceRow
from stackmend.domain.values import InstanceId, NodeName
from stackmend.rules.overview import judge

C01 = NodeName("c01")
NOW = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
NODE = Node(C01, frozenset({Role.COMPUTE}), SshAccess("10.0.0.11"))


def service(*, up: bool, enabled: bool = True, forced: bool = False) -> NovaService:
    return NovaService("nova-compute", ComputeService("u", C01, enabled, "why", up, forced, NOW))


def looked(
    glance: Glance | str,
    services: tuple[NovaService, ...] | None = (),
    agents: tuple[NetworkAgent, ...] | None = (),
    instances: tuple[Instance, ...] | None = (),
) -> Overview:
    return judge("lab", NOW, CloudFacts((NODE,), services, agents, instances, {C01: glance}))


def only_service(overview: Overview) -> ServiceRow:
    (node,) = overview.nodes
    (row,) = node.services
    return row


def unit(active: str = "active", *, file: str = "enabled", letter: str = "S", name: str = "nova-compute") -> Glance:
    return Glance((Process(name, active, file, letter),))


@pytest.mark.parametrize(
    ("up", "glance", "state", "said"),
    [
        (True, unit(), "up", ""),
        (True, "no route to host", "up", ""),
        (True, unit(letter="T"), "frozen", "stopped by a signal"),
        (True, unit("failed", letter=""), "down", "its unit is failed; nova has not noticed yet"),
        (False, unit(), "frozen", "its process runs, but nova gets no heartbeat"),
        (False, unit("inactive", file="masked-runtime", letter=""), "down", "its unit is inactive and masked"),
        (False, "no route to host", "down", "nova gets no heartbeat of it"),
    ],
)
def test_a_service_with_a_heartbeat(up: bool, glance: Glance | str, state: str, said: str) -> None:  # noqa: FBT001
    row = only_service(looked(glance, (service(up=up),)))
    assert row.state == state
    assert said in row.sentence


def test_red_hats_unit_is_the_same_service() -> None:
    row = only_service(looked(unit(letter="T", name="openstack-nova-compute"), (service(up=True),)))
    assert (row.name, row.state) == ("nova-compute", "frozen")


def test_forced_down_is_down() -> None:
    assert only_service(looked(unit(), (service(up=True, forced=True),))).state == "down"


def test_disabled_is_said_beside_the_state() -> None:
    row = only_service(looked(unit(), (service(up=True, enabled=False),)))
    assert (row.state, row.enabled, row.reason) == ("up", False, "why")


def test_a_heartbeat_that_nobody_could_ask_for_is_unknown() -> None:
    assert only_service(looked(unit(), services=None)).state == "unknown"
    assert only_service(looked(unit(name="ovn-controller"), agents=None)).state == "unknown"
    assert only_service(looked(unit("failed"), services=None)).state == "down"


def test_an_agent() -> None:
    agent = NetworkAgent("OVN Controller agent", "ovn-controller", C01, alive=False, admin_up=True)
    row = only_service(looked(unit(name="ovn-controller"), agents=(agent,)))
    assert (row.name, row.state) == ("ovn-controller", "frozen")


@pytest.mark.parametrize(
    ("active", "file", "states"),
    [
        ("active", "enabled", ["up"]),
        ("active", "disabled", ["up"]),
        ("inactive", "disabled", []),
        ("failed", "enabled", ["down"]),
        ("inactive", "masked", ["down"]),
    ],
)
def test_a_unit_without_a_heartbeat(active: str, file: str, states: list[str]) -> None:
    (node,) = looked(unit(active, file=file, name="libvirtd")).nodes
    assert [row.state for row in node.services] == states


def test_instances_by_state_a_task_before_the_state() -> None:
    def instance(number: int, host: str, vm_state: str, task: str = "") -> Instance:
        return Instance(InstanceId(str(number)), "i", NodeName(host), vm_state, task)

    told = (instance(1, "c01", "active"), instance(2, "c01", "active", "migrating"), instance(3, "", "error"))
    overview = looked(unit(), instances=told)
    assert overview.nodes[0].instances == {"active": 1, "migrating": 1}
    assert overview.lost == {"error": 1}


def test_without_nova_libvirt_counts() -> None:
    overview = looked(Glance((), domains={"running": 2}), instances=None)
    assert overview.nodes[0].instances == {"running": 2}


def test_nodes_that_only_the_services_know_are_shown() -> None:
    other = NovaService("nova-compute", ComputeService("u", NodeName("c09"), True, "", True, False, NOW))  # noqa: FBT003
    overview = looked("it did not answer", (other,))
    assert [(n.node, n.silent) for n in overview.nodes] == [
        ("c01", "it did not answer"),
        ("c09", "it is not in the inventory"),
    ]


def test_held_units_are_shown() -> None:
    held = Held("nova-compute.service", "r-1", "disk", "2026-11-22", "root", "active", "enabled", masked=False)
    assert looked(Glance((), (held,))).nodes[0].held == (held,)


def test_one_that_its_node_gave_back_is_named_with_what_puts_novas_record_right() -> None:
    seen = Glance((), readings=(Reading("7f", "r-2", given_back=True),))
    suspended = Instance(InstanceId("7f"), "web", C01, "suspended")
    (sentence,) = looked(seen, instances=(suspended,)).nodes[0].rescues
    assert "web" in sentence
    assert "nova calls it suspended" in sentence
    assert sentence.endswith("stackmend runs undo r-2")
    (sentence,) = looked(seen, instances=None).nodes[0].rescues
    assert "suspended" not in sentence
