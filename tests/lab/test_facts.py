"""What is asked of a real cloud, and how its errors are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from fleet import Fleet

from stackmend.adapters.openstack import OpenStack
from stackmend.adapters.world import World
from stackmend.domain.instance import Domain, PowerState, Resources
from stackmend.domain.node import Role, SshAccess
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, Failed, Refused, StackmendError
from stackmend.facts import (
    discovery,
    domains,
    groups,
    instances,
    migrations,
    network,
    nova_database,
    placement,
    services,
    settings,
    storage,
)
from stackmend.facts.location import witnesses
from stackmend.rules.location import locate

HOME, SHARING, APART, CTL01 = (NodeName(n) for n in ("c02", "c01", "c03", "ctl01"))
NOWHERE = InstanceId("00000000-0000-0000-0000-000000000001")


@pytest.fixture(scope="module")
def instance(fleet: Fleet) -> InstanceId:
    made = fleet.boot("facts-1", HOME)
    fleet.wait(made, "active")
    return InstanceId(made)


@pytest.fixture
def cloud(lab: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], OpenStack]:
    """A cloud whose entry in clouds.yaml has one value of its auth section changed."""

    def make(key: str, value: str) -> OpenStack:
        data = yaml.safe_load(Path(lab["OS_CLIENT_CONFIG_FILE"]).read_text())
        data["clouds"]["lab"]["auth"][key] = value
        (tmp_path / "clouds.yaml").write_text(yaml.safe_dump(data))
        monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
        return OpenStack("lab", read_seconds=10)

    return make


def failure(cloud: OpenStack) -> StackmendError:
    with pytest.raises(StackmendError) as caught:
        cloud.get("compute", "/servers")
    cloud.close()
    return caught.value


def test_an_instance(world: World, instance: InstanceId) -> None:
    found = instances.get(world, instance)
    assert found is not None
    assert (found.name, found.host, found.vm_state, found.task_state) == ("facts-1", HOME, "active", "")
    assert found.resources == Resources(1, 96, 1)
    assert (found.flavor, found.power_state, found.on_volume) == ("lab.tiny", PowerState.RUNNING, False)
    assert found.launched is not None
    assert found in instances.on_node(world, HOME)
    assert found in instances.everywhere(world)
    assert found not in instances.on_node(world, SHARING)
    assert instances.resolve(world, "facts-1") == instances.resolve(world, instance) == found


def test_an_instance_that_is_not_there(world: World) -> None:
    assert instances.get(world, NOWHERE) is None
    for name in ("no-such-instance", NOWHERE):
        with pytest.raises(Refused) as caught:
            instances.resolve(world, name)
        assert caught.value.code is Code.INSTANCE_UNKNOWN


def test_lists_come_page_by_page(world: World, instance: InstanceId, fleet: Fleet) -> None:
    others = [fleet.boot(f"facts-page-{n}", HOME) for n in range(2)]
    params: dict[str, str | int] = {"all_tenants": 1, "limit": 1}
    found = world.openstack.get_list("compute", "/servers", "servers", params=params)
    assert {instance, *others} <= {server["id"] for server in found}


def test_services(world: World) -> None:
    assert [s.host for s in services.compute_services(world)] == ["c01", "c02", "c03"]
    one = services.compute_service(world, HOME)
    assert one.up
    assert one.heartbeat is not None
    assert {"nova-compute", "nova-conductor", "nova-scheduler"} <= {s.binary for s in services.all_services(world)}
    with pytest.raises(Refused) as caught:
        services.compute_service(world, CTL01)
    assert caught.value.code is Code.NODE_WRONG_ROLE


def test_agents_and_bindings(world: World, instance: InstanceId) -> None:
    assert {HOME, SHARING, APART} <= {agent.host for agent in network.agents(world) if agent.alive}
    (binding,) = network.bindings(world, instance)
    assert (binding.host, binding.status) == (HOME, "ACTIVE")
    assert network.bindings(world, NOWHERE) == ()


def test_placement(world: World, instance: InstanceId) -> None:
    assert placement.allocation_places(world, instance) == (HOME,)
    assert placement.allocation_places(world, NOWHERE) == ()
    rooms = {p.name: p for p in placement.providers(world)}
    assert rooms.keys() == {HOME, SHARING, APART}
    assert rooms[SHARING].room.memory_mb - rooms[HOME].room.memory_mb >= 96
    assert "COMPUTE_NODE" in rooms[HOME].traits


def test_groups(world: World, fleet: Fleet) -> None:
    body = {"server_group": {"name": "facts", "policy": "soft-affinity"}}
    made = fleet.cloud.compute.post("/os-server-groups", json=body, microversion="2.64").json()["server_group"]
    try:
        (found,) = [group for group in groups.all_groups(world) if group.id == made["id"]]
        assert (found.name, found.policy, found.members) == ("facts", "soft-affinity", ())
    finally:
        fleet.cloud.compute.delete(f"/os-server-groups/{made['id']}")


def test_domains(world: World, instance: InstanceId) -> None:
    here, nowhere = (domains.on_nodes(world, [HOME, CTL01])[n] for n in (HOME, CTL01))
    assert isinstance(here, dict)
    assert here[instance].state == "running"
    assert here[instance].devices == ()
    assert isinstance(nowhere, Failed)
    assert isinstance(domains.on_node(world, HOME)[instance], Domain)


def test_settings(world: World) -> None:
    assert settings.max_concurrent_live_migrations(world, HOME) >= 0
    assert settings.instances_path(world, HOME) == "/var/lib/nova/instances"
    assert "/etc/nova/nova.conf" in settings.options(world, HOME).files


def test_shared_directories(world: World, instance: InstanceId) -> None:
    shared = storage.shared_instance_files(world, HOME, [SHARING, APART], [instance])
    assert shared == {SHARING: frozenset({instance}), APART: frozenset()}


def test_all_witnesses_agree(world: World, instance: InstanceId) -> None:
    heard = witnesses(world, instance, [HOME, SHARING])
    assert [w.name for w in heard] == ["nova", "migration", "placement", "neutron", "libvirt@c02", "libvirt@c01"]
    assert locate(heard).place == HOME


def test_a_witness_that_cannot_be_asked_is_silent(world: World, instance: InstanceId) -> None:
    heard = {w.name: w for w in witnesses(world, instance, [HOME, CTL01])}
    assert "libvirt" in heard["libvirt@ctl01"].silent
    assert locate(list(heard.values())).place is None


def test_no_migration(world: World, instance: InstanceId) -> None:
    assert migrations.of_instance(world, instance) == ()
    assert migrations.live_progress(world, instance, 1) is None


def test_the_database_says_the_same(world: World, instance: InstanceId) -> None:
    assert {(s.binary, s.record.host) for s in nova_database.services(world)} == {
        (s.binary, s.record.host) for s in services.all_services(world)
    }
    (found,) = [i for i in nova_database.instances(world) if i.id == instance]
    assert (found.name, found.host, found.vm_state) == ("facts-1", HOME, "active")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("update instances set host = 'c09' where uuid = ''", "READ ONLY"),
        ("delete from services where id < 0", "READ ONLY"),
        ("select * from no_such_table", "no_such_table"),
        ("select sleep(30)", "longer than 10 seconds"),
    ],
)
def test_the_database_refuses_what_is_no_short_question(world: World, sql: str, said: str) -> None:
    with pytest.raises(Failed, match=said) as caught:
        world.databases.rows("nova", sql)
    assert caught.value.code is Code.DATABASE_REFUSED


def test_parameters_are_bound(world: World) -> None:
    rows = world.databases.rows("nova_api", "select name from cell_mappings where name = :name", {"name": "cell1"})
    assert rows == [{"name": "cell1"}]


def test_discovery_finds_the_nodes(world: World) -> None:
    found = {node.name: node for node in discovery.nodes(world, SshAccess("", user="ops"))}
    assert found.keys() == world.inventory.nodes.keys()
    for name in (HOME, CTL01):
        assert found[name].ssh.address == world.inventory.nodes[name].ssh.address
    assert found[HOME].roles == {Role.COMPUTE}
    assert Role.CONTROLLER in found[CTL01].roles


def test_a_wrong_password(cloud: Callable[[str, str], OpenStack]) -> None:
    error = failure(cloud("password", "not-the-password"))
    assert error.code is Code.AUTH_FAILED
    assert "not-the-password" not in f"{error.sentence}{error.hint}{error.evidence}"


def test_nothing_at_the_address(cloud: Callable[[str, str], OpenStack]) -> None:
    assert failure(cloud("auth_url", "http://127.0.0.1:1/v3")).code is Code.API_UNREACHABLE


def test_a_token_that_is_no_longer_good(lab: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = yaml.safe_load(Path(lab["OS_CLIENT_CONFIG_FILE"]).read_text())["clouds"]["lab"]["auth"]["auth_url"]
    auth = {"auth_url": url, "token": "once-good", "project_name": "admin", "project_domain_name": "Default"}
    entry = {"auth_type": "v3token", "auth": auth}
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump({"clouds": {"lab": entry}}))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    error = failure(OpenStack("lab"))
    assert error.code is Code.TOKEN_EXPIRED
    assert "once-good" not in f"{error.sentence}{error.hint}{error.evidence}"


def test_errors_of_a_service(world: World) -> None:
    with pytest.raises(Failed) as caught:
        world.openstack.get("compute", f"/servers/{NOWHERE}", version="2.80")
    error = caught.value
    assert error.code is Code.API_NOT_FOUND
    assert error.evidence["status"] == "404"
    assert error.evidence["request"] == f"GET /servers/{NOWHERE}"
    assert error.evidence["request id"].startswith("req-")
    with pytest.raises(Failed) as caught:
        world.openstack.post("compute", "/servers", {"server": {}})
    assert (caught.value.code, caught.value.evidence["status"]) == (Code.API_ERROR, "400")
    assert caught.value.evidence["message"]
