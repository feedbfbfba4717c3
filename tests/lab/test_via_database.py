"""Recover a node by a change of nova's rows: guarded, killed right after the COMMIT, each instance runs once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from beating import beats, machines
from carrying import Hand
from fleet import Ended, Fleet, until
from killing import KILLED, journal, the_open_run
from recovering import BEATS

from stackmend.actions.relocating import RelocateRows
from stackmend.adapters.world import World
from stackmend.domain.instance import Instance
from stackmend.domain.values import InstanceId, NodeName, StepId
from stackmend.errors import Code, Failed

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600, func_only=True)]

Command = Callable[..., Ended]
Script = Callable[[str, str], str]
DEAD, TARGET = "c01", "c02"
"""Two nodes that share the directory of their instances."""
PAUSED = 4
FRESH, RESUMED = 17, 5
"""The record that says that the rows are changed: of a new run's, and of one's that is resumed at that step."""
VIA = ("--via", "database", "--target", TARGET, "--reason", "nova-scheduler is down")


@dataclass(frozen=True)
class Crew:
    """Instances on the node that dies: one on a file, one on a volume, and a stopped one."""

    filed: str
    volumed: str
    stopped: str
    boots: int
    """How many times the one on a file had booted."""

    @property
    def everyone(self) -> tuple[str, ...]:
        """All of them."""
        return self.filed, self.volumed, self.stopped


@pytest.fixture
def crew(fleet: Fleet, on_node: Script) -> Crew:
    """The three, seen to write to the directory that both nodes share."""
    filed, stopped = fleet.boot("rows-file", DEAD), fleet.boot("rows-stopped", DEAD)
    volumed = fleet.boot("rows-disk", DEAD, from_volume=True)
    for instance in (filed, volumed, stopped):
        fleet.wait(instance, "active")
    for instance in (filed, stopped):
        until(lambda i=instance: len(beats(on_node, DEAD, i)) > BEATS, "it beats")  # type: ignore[misc]
    fleet.act(stopped, "os-stop", "stopped")
    return Crew(filed, volumed, stopped, beats(on_node, DEAD, filed)[-1].boot)


@pytest.fixture
def unscheduled(crew: Crew, on_node: Script) -> Iterator[Crew]:
    """The instances, and no nova-scheduler, without which nova's API evacuates nothing."""
    on_node("ctl01", "systemctl stop nova-scheduler")
    try:
        yield crew
    finally:
        on_node("ctl01", "systemctl start nova-scheduler")


@pytest.fixture
def dead(stackmend: Command, fleet: Fleet, unscheduled: Crew) -> Iterator[str]:
    """Their node without power; taken back at the end, without what it still has defined."""
    assert stackmend("lab", "break", "power-cut", DEAD).status == 0
    yield DEAD
    assert stackmend("lab", "heal").status == 0
    for run in stackmend("runs", "list", "-f", "json").json():
        if run["state"] in {"paused", "interrupted"}:
            assert stackmend("runs", "abort", run["id"]).status == 0
    left = fleet.domains(DEAD)
    # nova-compute takes no notice of them, as there is no record of an evacuation
    for instance in (i for i in unscheduled.everyone if i in left and fleet.host(i) == TARGET):
        assert left[instance] == "shut off"
    if fleet.service(DEAD)["forced_down"]:
        cleaned = stackmend("node", "readmit", DEAD, "--no-canary", "--clean-up", "--yes")
        assert cleaned.status == 0, cleaned.out + cleaned.err
        assert not {i for i in unscheduled.everyone if i in fleet.domains(DEAD) and fleet.host(i) == TARGET}


def test_what_may_not_be_asked_for_so(stackmend: Command, world: World) -> None:
    wanted = (("--target", TARGET), ("--reason", "why"))
    for words, missing in ((wanted[1], "--target"), (wanted[0], "--reason")):
        ended = stackmend("node", "recover", DEAD, "--plan", "--via", "database", *words)
        assert ended.status == 2
        assert f"needs {missing}" in ended.err
    ended = stackmend("node", "recover", DEAD, "--plan", *VIA, "--accept-loss", "rows-file")
    assert ended.status == 2
    assert "nothing that would lose data" in ended.err
    ended = stackmend("node", "recover", DEAD, "--plan", *VIA)
    assert ended.status == 3
    assert "node-alive" in ended.err
    someone = Instance(InstanceId("f3b8a7c1-6a0f-4f55-8f0e-2d9f6a1b7c3d"), "rows-file", NodeName(DEAD), "active")
    step = RelocateRows.step([someone], NodeName(TARGET), StepId(f"node.fence/{DEAD}"), group=(), needs=())
    with pytest.raises(Failed, match="has no proof") as caught:
        Hand(world).carry_out(RelocateRows(), step)
    assert caught.value.code is Code.NODE_NOT_FENCED


def test_rows_are_changed_on_proof_only_all_or_none_and_killed_right_after_the_commit(
    stackmend: Command, fleet: Fleet, on_node: Script, crew: Crew, dead: str, lab_env: dict[str, str]
) -> None:
    rows = f"rows/{dead}"
    planned = stackmend("node", "recover", dead, "--plan", "-f", "json", *VIA).json()
    assert [s["id"] for s in planned["steps"] if s["action"] == "instance.evacuate"] == []
    step = next(s for s in planned["steps"] if s["id"] == rows)
    assert set(step["params"]["instances"]) == set(crew.everyone)

    # undone right after the COMMIT, which the journal does not know of: the old rows are back
    before = _rows(on_node, crew)
    run = _killed_after_commit(stackmend, lab_env, crew, fleet, "node", "recover", dead, "--yes", *VIA, at=FRESH)
    undone = stackmend("runs", "undo", run)
    assert undone.status == 0, undone.out + undone.err
    assert _rows(on_node, crew) == before

    # a row that is changed after the export: none is changed
    first = stackmend("node", "recover", dead, "--yes", *VIA, extra={"STACKMEND_CRASH_AT": str(FRESH - 1)})
    assert first.status == KILLED, first.out + first.err
    run = the_open_run(stackmend)
    assert journal(lab_env, run)[-1] == ("step-intent", rows)
    _write(on_node, crew.volumed, "task_state = 'pausing'")
    refused = stackmend("runs", "resume", run)
    assert refused.status == PAUSED, refused.out + refused.err
    assert f"changed since they were exported is that of rows-disk ({crew.volumed})" in " ".join(refused.out.split())
    assert {fleet.host(i) for i in crew.everyone} == {dead}
    _write(on_node, crew.volumed, "task_state = null")

    # killed after the COMMIT again, and gone on with
    assert _killed_after_commit(stackmend, lab_env, crew, fleet, "runs", "resume", run, at=RESUMED) == run
    assert [machines(i) for i in crew.everyone] == [0, 0, 0]
    ended = stackmend("runs", "resume", run)
    assert ended.status == 0, ended.out + ended.err
    assert [fleet.state(i) for i in crew.everyone] == ["active", "active", "stopped"]
    assert {fleet.host(i) for i in crew.everyone} == {TARGET}
    assert [machines(i) for i in crew.everyone] == [1, 1, 0]
    until(
        lambda: any(b.boot == crew.boots + 1 for b in beats(on_node, TARGET, crew.filed)), "it goes on, from its disk"
    )
    seen = [b.sequence for b in beats(on_node, TARGET, crew.filed)]
    assert seen == sorted(set(seen)), "two of it have written to one console"
    for instance in crew.everyone:
        assert {p.binding_host_id for p in fleet.cloud.network.ports(device_id=instance)} == {TARGET}
        assert _providers(fleet, instance) == {TARGET}
    (volume,) = fleet.volumes(crew.volumed)
    (place,) = fleet.cloud.block_storage.get_volume(volume).attachments
    assert (place["host_name"], fleet.cloud.block_storage.get_volume(volume).status) == (TARGET, "in-use")

    # the stopped one has its domain made by its next start
    fleet.act(crew.stopped, "os-start", "active")
    assert machines(crew.stopped) == 1


def _killed_after_commit(
    stackmend: Command, lab_env: dict[str, str], crew: Crew, fleet: Fleet, *command: str, at: int
) -> str:
    """Carry a command out, kill it before it journals that the rows are changed; return its run."""
    killed = stackmend(*command, extra={"STACKMEND_CRASH_AT": f"{at}-before"})
    assert killed.status == KILLED, killed.out + killed.err
    run = the_open_run(stackmend)
    assert journal(lab_env, run)[-1] == ("step-intent", f"rows/{DEAD}")
    assert {fleet.host(i) for i in crew.everyone} == {TARGET}
    return run


def _rows(on_node: Script, crew: Crew) -> str:
    """Return what nova's rows say of where the instances are; not when they were written."""
    columns = "uuid, host, node, launched_on, compute_id, vm_state, task_state, launched_at"
    wanted = ", ".join(f"'{i}'" for i in crew.everyone)
    query = f"select {columns} from instances where uuid in ({wanted}) order by uuid"  # noqa: S608 - the test's own
    return on_node("ctl01", f'mysql nova -e "{query}"')


def _write(on_node: Script, instance: str, assignment: str) -> None:
    query = f"update instances set {assignment} where uuid = '{instance}'"  # noqa: S608 - the test's own
    on_node("ctl01", f'mysql nova -e "{query}"')


def _providers(fleet: Fleet, instance: str) -> set[str]:
    placement = fleet.cloud.placement
    names = {p["uuid"]: p["name"] for p in placement.get("/resource_providers").json()["resource_providers"]}
    held = placement.get(f"/allocations/{instance}").json()["allocations"]
    return {names[uuid] for uuid in held}
