"""Faults: found by name, placed where they fit, remembered until healed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stackmend.errors import Code, Refused, UsageError
from stackmend.lab import faults
from stackmend.lab.fault_table import FAULTS, Where
from stackmend.lab.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state=tmp_path)


def test_an_unknown_fault_is_refused_with_the_list() -> None:
    with pytest.raises(Refused) as caught:
        faults.find("meteor")
    assert caught.value.code is Code.LAB_FAULT_UNKNOWN
    assert all(fault.name in caught.value.hint for fault in FAULTS)


def test_names_are_unique_and_each_has_a_sentence() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert all(fault.sentence and not fault.sentence.endswith(".") for fault in FAULTS)


@pytest.mark.parametrize("name", [fault.name for fault in FAULTS if fault.where is not Where.CONTROLLER])
def test_a_fault_of_a_node_needs_one(settings: Settings, name: str) -> None:
    with pytest.raises(UsageError):
        faults.place(settings, faults.find(name), None)


def test_a_fault_of_the_controller_needs_none_and_takes_no_other(settings: Settings) -> None:
    assert faults.place(settings, faults.find("mariadb-stop"), None) == "ctl01"
    with pytest.raises(Refused) as caught:
        faults.place(settings, faults.find("mariadb-stop"), "c01")
    assert caught.value.code is Code.NODE_WRONG_ROLE


def test_a_compute_nodes_fault_is_not_for_the_controller(settings: Settings) -> None:
    with pytest.raises(Refused) as caught:
        faults.place(settings, faults.find("compute-wedge"), "ctl01")
    assert caught.value.code is Code.NODE_WRONG_ROLE
    assert faults.place(settings, faults.find("power-cut"), "ctl01") == "ctl01"


def test_an_unknown_node_is_refused(settings: Settings) -> None:
    with pytest.raises(Refused) as caught:
        faults.place(settings, faults.find("power-cut"), "c77")
    assert caught.value.code is Code.NODE_UNKNOWN


def test_what_is_broken_is_read_back_and_healed_in_an_order_that_can_work(settings: Settings) -> None:
    assert faults.broken(settings) == []
    names = [("compute-wedge", "c01"), ("mariadb-stop", "ctl01"), ("network-cut", "c02"), ("power-cut", "ctl01")]
    record = [{"fault": fault, "node": node, "since": "2026-11-22T17:00:00+00:00"} for fault, node in names]
    (settings.state / "faults.json").write_text(json.dumps(record))
    order = [(one.fault, one.node) for one in faults.chosen(settings, None, None)]
    assert order == [names[3], names[2], names[1], names[0]]
    assert [one.node for one in faults.chosen(settings, None, "c01")] == ["c01"]


def test_a_named_fault_is_healed_even_where_none_is_recorded(settings: Settings) -> None:
    assert [(one.fault, one.node) for one in faults.chosen(settings, "compute-stop", "c02")] == [
        ("compute-stop", "c02")
    ]


def test_a_fault_of_an_instance_is_named_by_it(settings: Settings) -> None:
    record = [
        {"fault": "compute-wedge", "node": "c02", "since": "2026-11-22T17:00:00+00:00"},
        {"fault": "missing-xml", "node": "c02", "since": "2026-11-22T17:00:00+00:00", "instance": "4f", "name": "web"},
    ]
    (settings.state / "faults.json").write_text(json.dumps(record))
    named = {
        place: [one.fault for one in faults.chosen(settings, None, place)] for place in ("web", "4f", "c02", "c03")
    }
    assert named == {
        "web": ["missing-xml"],
        "4f": ["missing-xml"],
        "c02": ["compute-wedge", "missing-xml"],
        "c03": [],
    }
    assert [one.place for one in faults.broken(settings)] == ["c02", "web"]
