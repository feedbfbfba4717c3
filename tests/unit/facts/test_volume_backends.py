"""Whether a volume is served by the very node whose instances use it."""

from __future__ import annotations

import pytest

from stackmend.domain.values import NodeName
from stackmend.facts.volume_backends import is_on


@pytest.mark.parametrize(
    ("node", "backend", "here"),
    [
        ("c01", "c01@lvm#lvm", True),
        ("c01.example.org", "c01@lvm#lvm", True),
        ("c01", "c01.example.org@lvm#lvm", True),
        ("c01.example.org", "c01.example.net@lvm#lvm", False),
        ("c01", "c010@lvm#lvm", False),
        ("c01", "ctl01@ceph#ceph", False),
        ("c01", "", False),
    ],
)
def test_the_host_of_a_backend_is_a_name_short_or_full(node: str, backend: str, *, here: bool) -> None:
    assert is_on(NodeName(node), backend) is here
