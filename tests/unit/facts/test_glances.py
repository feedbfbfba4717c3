"""What one script shows of a node."""

from __future__ import annotations

from stackmend.domain.overview import Process, Reading
from stackmend.facts.glances import parse

OUTPUT = """\
unit Id=nova-compute.service
unit LoadState=loaded
unit ActiveState=active
unit MainPID=42
unit Letter=T
unit UnitFileState=enabled
unit 
unit Id=openstack-nova-compute.service
unit LoadState=not-found
unit ActiveState=inactive
unit MainPID=0
unit UnitFileState=
unit 
unit Id=mariadb.service
unit LoadState=masked
unit ActiveState=inactive
unit MainPID=0
unit UnitFileState=masked
held nova-compute.service {"unit": "nova-compute.service", "owner": "r-1", "reason": "disk", "since": "2026-11-22"}
held libvirtd.service not JSON
rescue 7f r-2 
rescue 8a r-3 expired
libvirt
domain  7    instance-00000004   running
domain  -    instance-00000005   shut off
domain 
"""  # noqa: W291 - as systemctl and virsh print it


def test_units_that_are_there() -> None:
    assert parse(OUTPUT).processes == (
        Process("nova-compute", "active", "enabled", "T"),
        Process("mariadb", "inactive", "masked"),
    )


def test_held_units() -> None:
    first, second = parse(OUTPUT).held
    assert (first.unit, first.owner, first.reason) == ("nova-compute.service", "r-1", "disk")
    assert (second.unit, second.owner) == ("libvirtd.service", "unknown")


def test_domains_by_state() -> None:
    assert parse(OUTPUT).domains == {"running": 1, "shut off": 1}


def test_a_libvirt_that_gave_no_answer_is_not_one_without_domains() -> None:
    assert parse("libvirt\n").domains == {}
    assert parse("").domains is None


def test_rescues_that_are_open_or_were_ended_by_the_node() -> None:
    assert parse(OUTPUT).readings == (Reading("7f", "r-2", given_back=False), Reading("8a", "r-3", given_back=True))
