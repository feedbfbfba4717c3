"""Where an instance is: never agreed on a guess."""

from __future__ import annotations

import itertools

from stackmend.domain.instance import Witness
from stackmend.domain.values import NodeName
from stackmend.rules.location import locate, without_fenced

C01, C02 = NodeName("c01"), NodeName("c02")


def witness(name: str, *places: NodeName, silent: str = "") -> Witness:
    return Witness(name, places, f"{name} says {' and '.join(places) or 'nothing'}", silent)


def agreeing(place: NodeName, other: NodeName) -> list[Witness]:
    return [
        witness("nova", place),
        witness("migration", place),
        witness(f"libvirt@{place}", place),
        witness(f"libvirt@{other}"),
        witness("placement", place),
        witness("neutron", place),
    ]


def test_all_agree() -> None:
    verdict = locate(agreeing(C02, C01))
    assert (verdict.place, verdict.sentence) == (C02, "every witness has it on c02")


def test_migration_and_neutron_may_abstain() -> None:
    witnesses = [w for w in agreeing(C02, C01) if w.name not in {"migration", "neutron"}]
    assert locate([*witnesses, witness("migration"), witness("neutron")]).place == C02


def test_two_copies_are_named_first() -> None:
    witnesses = [w for w in agreeing(C02, C01) if w.name != "libvirt@c01"]
    verdict = locate([*witnesses, witness("libvirt@c01", C01)])
    assert verdict.place is None
    assert verdict.sentence == "libvirt has it on c01 and c02 at once"


def test_silence_is_not_agreement() -> None:
    witnesses = [w for w in agreeing(C02, C01) if w.name != "libvirt@c01"]
    verdict = locate([*witnesses, witness("libvirt@c01", silent="c01 does not answer")])
    assert verdict.place is None
    assert verdict.dissent == ("libvirt@c01: c01 does not answer",)


def test_a_witness_that_was_not_asked_is_silent() -> None:
    verdict = locate([w for w in agreeing(C02, C01) if w.name != "placement"])
    assert verdict.place is None
    assert "placement: not asked" in verdict.dissent


def test_every_single_lie_is_noticed() -> None:
    honest = agreeing(C02, C01)
    for index, lie in itertools.product(range(len(honest)), (C01, None)):
        told = honest[index]
        if not told.places and lie is None:
            continue
        witnesses = [*honest]
        witnesses[index] = witness(told.name, *([lie] if lie else []))
        if told.name in {"migration", "neutron"} and lie is None:
            continue
        assert locate(witnesses).place is None, witnesses[index]


def test_no_combination_with_two_libvirts_is_agreed() -> None:
    choices = [(), (C01,), (C02,)]
    for nova, placement, one, two in itertools.product(choices, repeat=4):
        verdict = locate(
            [
                witness("nova", *nova),
                witness("placement", *placement),
                witness("libvirt@c01", *([C01] if one else [])),
                witness("libvirt@c02", *([C02] if two else [])),
            ]
        )
        if one and two:
            assert verdict.place is None
        if verdict.place is not None:
            assert nova == placement == (verdict.place,)


def test_placements_share_on_a_fenced_node_counts_not_beside_another() -> None:
    seen = [*agreeing(C02, C01)[:4], witness("placement", C01, C02), witness("neutron", C02)]
    assert not locate(seen).agreed
    assert locate(without_fenced(seen, C01)).place == C02


def test_placements_only_share_counts_though_it_is_on_a_fenced_node() -> None:
    seen = [*agreeing(C02, C01)[:4], witness("placement", C01), witness("neutron", C02)]
    assert not locate(without_fenced(seen, C01)).agreed


def test_a_fenced_nodes_libvirt_need_not_answer_and_every_other_must() -> None:
    silent = [w if w.name != "libvirt@c01" else witness("libvirt@c01", silent="no answer") for w in agreeing(C02, C01)]
    assert not locate(silent).agreed
    assert locate(without_fenced(silent, C01)).place == C02
    target = [w if w.name != "libvirt@c02" else witness("libvirt@c02", silent="no answer") for w in agreeing(C02, C01)]
    assert not locate(without_fenced(target, C01)).agreed
