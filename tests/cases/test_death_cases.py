"""Cases as data: what each witness saw of a node, and the condition, sentence and excuse that follow.

A world says only how it differs from that of a node that is well: nova hears it, a shell, its units, libvirt and pings
answer, its power controller says on.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from stackmend.domain.death import Bearing, Condition, DeathFacts, Diagnosis, Echo, NovaSeen, PowerSeen, ShellSeen, Stir
from stackmend.domain.health import Held
from stackmend.domain.instance import ComputeService
from stackmend.domain.node import NetworkAgent
from stackmend.domain.overview import Glance, Process, RunGlance
from stackmend.domain.power import Power
from stackmend.domain.values import NodeName
from stackmend.rules.death import judge

FOLDER = Path(__file__).parent / "death"
CASES = {
    f"{path.stem}: {name}": case
    for path in sorted(FOLDER.glob("*.yaml"))
    for name, case in yaml.safe_load(path.read_text()).items()
}
NODE = NodeName("c06")
AT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
WELL = {"nova-compute": "active", "libvirtd": "active", "ovn-controller": "active", "dbus": "active"}


def nova(world: dict[str, Any]) -> NovaSeen:
    if "silent" in world:
        return NovaSeen(None, silent=world["silent"])
    if world.get("none"):
        return NovaSeen(None, others=3, others_up=3)
    beats = tuple(
        AT - timedelta(seconds=5 if world.get("up", True) else 300) + timedelta(seconds=10 * n) for n in (0, 1)
    )
    beats = beats if world.get("advances") else beats[:1]
    record = ComputeService(
        id="s",
        host=NODE,
        enabled="disabled" not in world,
        reason=world.get("disabled") or "",
        up=world.get("up", True),
        forced_down=world.get("forced", False),
        heartbeat=beats[-1],
    )
    return NovaSeen(record, beats, world.get("listened", 0), world.get("others", 3), world.get("others_up", 3))


def process(unit: str, state: str) -> Process:
    """Return a unit from words: ``active``, ``active T``, ``active young``, ``inactive masked success ended``."""
    active, *words = state.split()
    results = [w for w in words if w in {"success", "exit-code", "oom-kill", "signal"}]
    files = [w for w in words if w in {"masked", "disabled", "static"}]
    return Process(
        unit=unit,
        active=active,
        file=files[0] if files else "enabled",
        letter="T" if "T" in words else "",
        result=results[0] if results else "success",
        ended=AT - timedelta(minutes=7) if "ended" in words else None,
        started=AT - timedelta(seconds=9 if "young" in words else 3600),
    )


def shell(world: dict[str, Any]) -> ShellSeen:
    if "code" in world:
        return ShellSeen(None, world.get("silent", f"{NODE} gives no shell"), world["code"])
    units = {unit: state for unit, state in {**WELL, **world.get("units", {})}.items() if state}
    held = tuple(
        Held(unit, "r-1", "disk", "2026-11-24", "ann", "active", "enabled", masked=False)
        for unit in world.get("held", ())
    )
    return ShellSeen(
        Glance(
            processes=tuple(process(unit, state) for unit, state in units.items()),
            held=held,
            domains=world.get("domains", {"running": 2}),
            system=world.get("system", "running"),
        )
    )


def echoes(world: dict[str, bool | None]) -> tuple[Echo, ...]:
    return tuple(
        Echo(NodeName(peer), "10.0.0.6", said, "3 sent", "" if said is not None else f"{peer} is away")
        for peer, said in world.items()
    )


def power(word: str) -> PowerSeen | None:
    if word == "none":
        return None
    if word == "silent":
        return PowerSeen(Power.UNKNOWN, silent="the controller gives no answer")
    return PowerSeen(Power(word))


def facts(world: dict[str, Any]) -> DeathFacts:
    agents = world.get("agents", {"OVN Controller agent": True})
    return DeathFacts(
        node=NODE,
        at=AT,
        nova=nova(world.get("nova", {})),
        shell=shell(world.get("shell", {})),
        echoes=echoes(world.get("ping", {"ctl01": True, "c01": True})),
        power=power(world.get("power", "on")),
        stirs=tuple(
            Stir(who, said, "it writes" if said else "nothing") for who, said in world.get("stirs", {}).items()
        ),
        agents=None
        if agents is None
        else tuple(NetworkAgent(k, k, NODE, alive, admin_up=True) for k, alive in agents.items()),
        runs=tuple(RunGlance(run, "paused", NODE, "") for run in world.get("runs", ())),
    )


@pytest.mark.parametrize("name", CASES)
def test_the_condition_is_as_the_case_says(name: str) -> None:
    case = CASES[name]
    found = judge(facts(case.get("world", {})))
    assert found.condition == case["condition"], found.sentence
    for part in case.get("says", ()):
        assert part in found.sentence
    for part in case.get("planned", ()):
        assert part in found.planned
    assert bool(found.planned) == ("planned" in case), found.planned
    assert [finding.code for finding in found.findings] == case.get("findings", [])


SHELLS = [{}, {"code": "ssh-unreachable"}, {"code": "ssh-auth"}, {"code": "ssh-host-key"}, {"code": "command-timeout"}]
NOVAS = [{}, {"up": False}, {"advances": True}, {"silent": "no"}, {"none": True}, {"up": False, "forced": True}]
PINGS = [{}, {"a": None, "b": None}, {"a": False, "b": False}, {"a": False, "b": None}, {"a": True, "b": False}]
POWERS = ["none", "on", "off", "unknown", "silent"]
STIRS = [{}, {"storage": True}, {"storage": False}, {"storage": None}]
EVERY = [
    {"shell": s, "nova": n, "ping": p, "power": w, "stirs": t}
    for s, n, p, w, t in product(SHELLS, NOVAS, PINGS, POWERS, STIRS)
]


def bearings(found: Diagnosis, *names: str) -> set[Bearing]:
    return {sign.bearing for sign in found.signs if sign.name.split(" ")[0] in names}


def test_off_is_never_said_but_on_the_controllers_word_and_the_silence_of_all_others() -> None:
    off = [found for world in EVERY if (found := judge(facts(world))).condition is Condition.OFF]
    assert off
    for found in off:
        assert bearings(found, "power") == {Bearing.OFF}
        assert bearings(found, "ssh") == {Bearing.NO_ANSWER}
        assert Bearing.NO_ANSWER in bearings(found, "ping")
        assert Bearing.ALIVE not in {sign.bearing for sign in found.signs}


def test_cut_off_is_never_said_of_a_node_that_nobody_saw_live() -> None:
    cut = [found for world in EVERY if (found := judge(facts(world))).condition is Condition.PARTITIONED]
    assert cut
    for found in cut:
        assert Bearing.ALIVE in bearings(found, "nova", "storage")
        assert bearings(found, "ssh") == {Bearing.NO_ANSWER}


def test_up_is_never_said_without_the_word_of_both_nova_and_the_node() -> None:
    up = [found for world in EVERY if (found := judge(facts(world))).condition is Condition.UP]
    assert up
    for found in up:
        assert bearings(found, "nova") <= {Bearing.ALIVE, Bearing.LATELY}
        assert bearings(found, "ssh") == {Bearing.ALIVE}


def test_a_controller_that_says_off_of_a_living_node_is_always_contradicted() -> None:
    for world in EVERY:
        found = judge(facts(world))
        lies = Bearing.OFF in bearings(found, "power") and Bearing.ALIVE in {sign.bearing for sign in found.signs}
        assert ("power-contradicted" in [finding.code for finding in found.findings]) == lies


def test_no_single_witness_takes_a_node_that_is_well_for_dead() -> None:
    """Each witness in turn says the worst, or nothing; the node may be degraded by it, and never off or cut off."""
    worst: list[dict[str, Any]] = [
        {"nova": {"up": False}},
        {"nova": {"silent": "no"}},
        {"nova": {"none": True}},
        {"shell": {"code": "ssh-unreachable"}},
        {"shell": {"code": "ssh-host-key"}},
        {"ping": {"ctl01": False, "c01": False}},
        {"ping": {"ctl01": None, "c01": None}},
        {"power": "off"},
        {"power": "silent"},
        {"agents": None},
        {"agents": {"OVN Controller agent": False}},
        {"stirs": {"storage": False}},
    ]
    for world in worst:
        assert judge(facts(world)).condition not in {Condition.OFF, Condition.PARTITIONED}, world


def test_there_are_cases() -> None:
    assert len(CASES) >= 40
