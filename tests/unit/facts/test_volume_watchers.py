"""What Ceph's watches of a node's images are read as."""

from __future__ import annotations

import pytest

from stackmend.domain.death import Bearing, DeathFacts, NovaSeen, ShellSeen, Stir
from stackmend.domain.values import NodeName
from stackmend.domain.volume import Image
from stackmend.facts.times import utc
from stackmend.facts.volume_watchers import KEPT, Watch, judged, parse, unknown
from stackmend.facts.volumes import image_of
from stackmend.rules.death_signs import signs

IMAGE = Image("volumes/volume-1", "cinder")
OWN = Watch(IMAGE.name, "10.0.0.1", "4 7")


@pytest.mark.parametrize("address", ["10.0.0.1:0/4009410024", "v1:10.0.0.1:0/4009410024"])
def test_a_watch_is_known_by_its_address_and_its_client(address: str) -> None:
    line = f'{{"watchers":[{{"address":"{address}","client":4,"cookie":7}}]}}'
    assert parse(IMAGE, line) == {OWN}
    assert parse(IMAGE, f'{{"watchers":{{"watcher":{{"address":"{address}","client":4,"cookie":7}}}}}}') == {OWN}
    assert parse(IMAGE, '{"watchers":[]}') == frozenset()


def test_an_address_of_ipv6_is_read_without_its_brackets() -> None:
    line = '{"watchers":[{"address":"[fd00::1]:0/9","client":4,"cookie":7}]}'
    assert {watch.address for watch in parse(IMAGE, line)} == {"fd00::1"}


def test_only_what_is_in_ceph_is_asked_about() -> None:
    connection = {"driver_volume_type": "rbd", "name": IMAGE.name, "auth_username": "cinder", "keyring": "secret"}
    assert image_of({"connection_info": connection}) == IMAGE
    assert image_of({"connection_info": {"driver_volume_type": "iscsi", "name": IMAGE.name}}) is None
    assert image_of({"connection_info": None}) is None


def test_a_watch_is_life_only_where_a_dead_nodes_would_have_ended() -> None:
    young = judged("volumes", [IMAGE], [], frozenset({OWN}), KEPT - 1)
    assert (young.alive, young.lately) == (False, True)
    assert judged("volumes", [IMAGE], [], frozenset({OWN}), KEPT).alive is True


def test_no_watch_says_little_and_a_strange_one_is_named() -> None:
    stir = judged("volumes", [IMAGE], ["10.0.0.2"], frozenset(), KEPT)
    assert (stir.alive, stir.lately) == (False, False)
    assert stir.says == "its address watches none of 1 image of its instances, but 10.0.0.2 does"


def test_a_watch_from_an_address_that_nobody_is_known_by_shows_nothing() -> None:
    says = unknown(NodeName("c02"), {"172.16.0.9"})
    assert says.startswith("172.16.0.9 watches its instances' images, and no node is known by that address")


@pytest.mark.parametrize(
    ("stir", "bearing"),
    [
        (Stir("volumes", None, silent="no volumes"), Bearing.UNASKED),
        (Stir("volumes", alive=True), Bearing.ALIVE),
        (Stir("volumes", alive=False, lately=True), Bearing.LATELY),
        (Stir("volumes", alive=False), Bearing.NO_ANSWER),
    ],
)
def test_each_is_a_sign(stir: Stir, bearing: Bearing) -> None:
    at = utc("2026-11-24T02:00:00")
    assert at is not None
    facts = DeathFacts(NodeName("c01"), at, NovaSeen(None), ShellSeen(None), stirs=(stir,))
    assert next(sign.bearing for sign in signs(facts) if sign.name == "volumes") is bearing
