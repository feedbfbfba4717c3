"""What nova's JSON tells of an instance that is stranded on a dead node."""

from __future__ import annotations

from stackmend.domain.instance import Instance
from stackmend.domain.values import InstanceId, NodeName
from stackmend.facts.stranded import of_json

INSTANCE = Instance(InstanceId("a"), "a", NodeName("c03"), "active")


def test_what_lies_beside_the_root_disk() -> None:
    server = {"image": {"id": "i"}, "flavor": {"ephemeral": 5, "swap": 512}, "config_drive": "True", "tags": []}
    found = of_json(server, INSTANCE, None)
    assert (found.image, found.ephemeral_gb, found.swap_mb, found.config_drive) == ("i", 5, 512, True)


def test_one_that_boots_from_a_volume_has_no_image() -> None:
    found = of_json({"image": "", "flavor": {"ephemeral": 0, "swap": ""}, "config_drive": ""}, INSTANCE, None)
    assert (found.image, found.ephemeral_gb, found.swap_mb, found.config_drive) == ("", 0, 0, False)
