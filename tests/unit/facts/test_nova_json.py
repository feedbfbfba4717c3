"""Nova's and placement's JSON, and the sentences that follow from a migration record."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from stackmend.domain.instance import Instance, Migration, PowerState, Resources
from stackmend.domain.values import InstanceId, NodeName
from stackmend.facts.instances import of_json
from stackmend.facts.location import of_record
from stackmend.facts.placement import UNLIMITED, room_of
from stackmend.facts.times import utc

ID = InstanceId("76ab6384-44df-439e-8d71-18d9b525af2b")
SERVER: dict[str, Any] = {
    "id": ID,
    "name": "web",
    "status": "ERROR",
    "image": {"id": "i"},
    "flavor": {"vcpus": 2, "ram": 2048, "disk": 10, "ephemeral": 5, "swap": 1500, "original_name": "m1"},
    "OS-EXT-SRV-ATTR:host": "c01",
    "OS-EXT-SRV-ATTR:instance_name": "instance-00000001",
    "OS-EXT-STS:vm_state": "error",
    "OS-EXT-STS:task_state": None,
    "OS-EXT-STS:power_state": 4,
    "os-extended-volumes:volumes_attached": [{"id": "v1"}],
    "locked": True,
    "fault": {"code": 500, "message": "No valid host"},
    "created": "2026-11-22T16:58:33Z",
    "OS-SRV-USG:launched_at": "2026-11-22T16:58:44.000000",
}


def test_a_server() -> None:
    instance = of_json(SERVER)
    assert instance.resources == Resources(2, 2048, 10 + 5 + 2)
    assert (instance.host, instance.vm_state, instance.task_state) == ("c01", "error", "")
    assert (instance.locked, instance.fault, instance.volumes) == (True, "No valid host", ("v1",))
    assert instance.power_state is PowerState.SHUTDOWN
    assert instance.launched == datetime(2026, 11, 22, 16, 58, 44, tzinfo=UTC)


def test_a_root_disk_on_a_volume_takes_no_room() -> None:
    instance = of_json({**SERVER, "image": ""})
    assert instance.on_volume
    assert instance.resources.disk_gb == 7


def test_a_record_from_a_cell_that_is_down() -> None:
    instance = of_json({"id": ID, "status": "UNKNOWN", "tenant_id": "t", "created": "2026-11-22T16:58:33Z"})
    assert (instance.host, instance.vm_state, instance.power_state) == ("", "", PowerState.NOSTATE)


def test_a_power_state_that_nova_may_come_to_have() -> None:
    assert of_json({**SERVER, "OS-EXT-STS:power_state": 9}).power_state is PowerState.NOSTATE


@pytest.mark.parametrize(
    ("inventory", "used", "room"),
    [
        ({"total": 2, "reserved": 0, "allocation_ratio": 16.0}, 3, 29),
        ({"total": 12794, "reserved": 512, "allocation_ratio": 1.0}, 96, 12186),
        ({"total": 10, "reserved": 1, "allocation_ratio": 1.5}, 14, -1),
        (None, 0, UNLIMITED),
    ],
)
def test_room(inventory: dict[str, Any] | None, used: int, room: int) -> None:
    assert room_of(inventory, used) == room


def record(status: str) -> Migration:
    updated = utc("2026-11-22T17:00:00.000000")
    return Migration(7, "u", ID, "live-migration", status, NodeName("c01"), NodeName("c02"), updated=updated)


def launched(stamp: str) -> Instance:
    return Instance(ID, "web", NodeName("c02"), "active", launched=utc(stamp))


@pytest.mark.parametrize(
    ("status", "places"),
    [("completed", ("c02",)), ("confirmed", ("c02",)), ("running", ()), ("error", ()), ("reverted", ())],
)
def test_only_a_migration_that_arrived_names_a_place(status: str, places: tuple[str, ...]) -> None:
    assert of_record(record(status), launched("2026-11-22T16:00:00")).places == places


def test_a_record_older_than_the_last_launch_says_nothing() -> None:
    witness = of_record(record("completed"), launched("2026-11-22T18:00:00"))
    assert witness.places == ()
    assert "older" in witness.says
