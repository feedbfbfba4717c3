"""Owner files of held units, readable or not."""

from __future__ import annotations

import json

from stackmend.domain.health import Held
from stackmend.facts.units import parse_held

HELD = Held(
    unit="nova-compute.service",
    owner="r-1",
    reason="CHG-1",
    since="2026-11-22T12:00:00+00:00",
    by="root@ops1",
    active="active",
    file="enabled",
    masked=False,
    hooks=("puppet",),
)


def test_an_owner_file_gives_back_what_was_written() -> None:
    assert parse_held("nova-compute.service", json.dumps(HELD.to_json())) == HELD


def test_a_file_that_cannot_be_read_still_holds_its_unit() -> None:
    for text in ("", "{", "[]"):
        held = parse_held("nova-compute.service", text)
        assert (held.unit, held.owner, held.active) == ("nova-compute.service", "unknown", "")
