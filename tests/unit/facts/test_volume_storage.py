"""Where Cinder says that a volume's image lies, and what `rbd status` is read as."""

from __future__ import annotations

import pytest

from stackmend.domain.volume import Image, Volume, Watched
from stackmend.facts.volume_storage import heard, image_in

VOLUME = Volume("v1", "", "available", backend="ctl01@ceph#ceph", stored_as="v0")
PLACE = "ceph:/etc/ceph/ceph.conf:b4e1c3a2:cinder:volumes"
WATCHERS = (
    '{"watchers":[{"address":"10.0.0.2:0/9","client":4,"cookie":7},{"address":"10.0.0.1:0/9","client":5,"cookie":7}]}'
)


def test_an_image_is_named_by_its_pool_and_by_the_id_that_it_is_stored_as() -> None:
    assert image_in({"storage_protocol": "ceph", "location_info": PLACE}, VOLUME) == Image(
        "volumes/volume-v0", "cinder"
    )


@pytest.mark.parametrize(
    "pool",
    [{}, {"storage_protocol": "iSCSI", "location_info": PLACE}, {"storage_protocol": "ceph", "location_info": ""}],
)
def test_what_is_in_no_ceph_has_no_image(pool: dict[str, str]) -> None:
    assert image_in(pool, VOLUME) is None


def test_an_image_without_an_answer_is_left_out_and_does_not_shift_the_others() -> None:
    images = {v: Image(f"volumes/{v}", "cinder") for v in ("v1", "v2", "v3")}
    assert heard(images, f'\n{WATCHERS}\n{{"watchers":[]}}\n') == {
        "v2": Watched("volumes/v2", ("10.0.0.1", "10.0.0.2")),
        "v3": Watched("volumes/v3"),
    }
    assert heard(images, "") == {}
