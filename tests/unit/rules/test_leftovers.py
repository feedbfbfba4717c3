"""What a node that comes back still has of instances that are elsewhere, and what proves that they are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stackmend.domain.instance import Domain, Instance, Migration
from stackmend.domain.instance_files import Audit, Entry, Item, Kind, Standing
from stackmend.domain.leftover import Whereabouts
from stackmend.domain.values import InstanceId, NodeName
from stackmend.rules.leftovers import half_way, left_directories, left_domains, prove, unseen

C02, C03 = NodeName("c02"), NodeName("c03")
A, B, C = InstanceId("a"), InstanceId("b"), InstanceId("c")
UUID = InstanceId("0c1d2e3f-0000-4000-8000-000000000001")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def domain(uuid: InstanceId, state: str = "shut off", *, saved: bool = False) -> Domain:
    return Domain(uuid, f"instance-{uuid}", state, saved=saved)


def elsewhere(state: str = "active", there: str = "running", *, task: str = "", host: NodeName = C02) -> Whereabouts:
    record = Instance(A, "web", host, state, task_state=task)
    return Whereabouts(record, there=domain(A, there) if there else None)


def test_what_is_the_nodes_own_is_no_leftover() -> None:
    own = Whereabouts(Instance(A, "a", C03, "active"))
    assert left_domains(C03, {A: domain(A, "running")}, {A: own}) == ()


def test_what_is_elsewhere_or_nowhere_is() -> None:
    found = left_domains(
        C03,
        {A: domain(A, "running"), B: domain(B), C: domain(C)},
        {A: elsewhere(), B: Whereabouts(None), C: Whereabouts(Instance(C, "c", C03, "stopped"))},
    )
    assert [(one.domain.uuid, one.proof.holds, one.sentence) for one in found] == [
        (A, True, "web (a) is running there, and nova has it active on c02, and libvirt there has it running"),
        (B, False, "instance-b (b) is shut off there, and nova does not have it"),
    ]


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        (elsewhere(), True),
        (elsewhere("stopped", "shut off"), True),
        (elsewhere("error", "running"), True),
        (elsewhere(host=C03), False),
        (elsewhere(there=""), False),
        (elsewhere("active", "shut off"), False),
        (elsewhere(task="rebuilding"), False),
        (elsewhere("resized"), False),
        (elsewhere("shelved_offloaded", "", host=NodeName("")), False),
        (elsewhere("", ""), False),
        (Whereabouts(Instance(A, "web", C02, "active"), silent="it does not answer"), False),
        (Whereabouts(None, deleted=True), True),
        (Whereabouts(None), False),
    ],
)
def test_only_what_nova_and_the_libvirt_there_both_have_is_proved_elsewhere(where: Whereabouts, *, holds: bool) -> None:
    assert prove(C03, where).holds is holds


def test_memory_that_libvirt_has_saved_keeps_a_domain() -> None:
    (one,) = left_domains(C03, {A: domain(A, saved=True)}, {A: elsewhere()})
    assert not one.proof.holds
    assert "memory saved" in one.sentence


def audit(standing: Standing, *, shared: tuple[NodeName, ...] = ()) -> Audit:
    item = Item(UUID, Kind.INSTANCE, standing, "as it is", entry=Entry(UUID, "d", 7, NOW))
    return Audit(C03, "/srv/instances", NOW, shared, (item,))


@pytest.mark.parametrize(
    ("found", "where", "proved_and_holds"),
    [
        (audit(Standing.RECOVERABLE), elsewhere(), (True, True)),
        (audit(Standing.RECOVERABLE), elsewhere(there=""), (False, True)),
        (audit(Standing.RECOVERABLE), Whereabouts(None, deleted=True), (True, False)),
        (audit(Standing.RECOVERABLE, shared=(C02,)), elsewhere(), (False, False)),
        (audit(Standing.AT_RISK), elsewhere(), (False, False)),
        (audit(Standing.ORPHANED), Whereabouts(None), None),
        (audit(Standing.NEEDED_ELSEWHERE), elsewhere(), None),
        (audit(Standing.RECOVERABLE), elsewhere(host=C03), None),
    ],
)
def test_a_directory_goes_only_where_nobody_needs_it_and_no_other_node_sees_it(
    found: Audit, where: Whereabouts, proved_and_holds: tuple[bool, bool] | None
) -> None:
    left = left_directories(found, {UUID: where})
    assert [(one.proof.holds, one.holds) for one in left] == ([proved_and_holds] if proved_and_holds else [])


def test_an_evacuation_is_seen_by_the_node_when_it_is_completed_or_has_failed() -> None:
    statuses = ("accepted", "pre-migrating", "done", "completed", "failed", "error")
    records = [Migration(n, "", A, "evacuation", s, C03, C02) for n, s in enumerate(statuses)]
    assert [m.status for m in unseen(records)] == ["accepted", "pre-migrating", "done"]


def test_an_instance_is_half_way_once_nobody_carries_its_evacuation_on() -> None:
    here = [Instance(A, "a", C03, "active", task_state="rebuild_spawning"), Instance(B, "b", C03, "active")]
    assert half_way(here, [Migration(1, "", A, "evacuation", "pre-migrating", C03, C02)]) == ()
    assert half_way(here, [Migration(1, "", A, "evacuation", "completed", C03, C02)]) == (here[0],)
