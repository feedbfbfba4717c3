"""What ties an instance to its node so that a change of nova's row, and a reboot, would not bring all of it along."""

from __future__ import annotations

import pytest

from stackmend.domain.relocation import Ties
from stackmend.rules.relocation import why_tied


@pytest.mark.parametrize(
    "ties",
    [
        Ties(),
        Ties(specs=("hw:watchdog_action", "quota:vif_inbound_average"), vnics=("normal",), drivers={"v": "rbd"}),
        Ties(drivers={"v": "nfs", "w": "rbd"}),
    ],
)
def test_what_a_reboot_makes_anew_ties_nothing(ties: Ties) -> None:
    assert not why_tied(ties)


@pytest.mark.parametrize(
    ("ties", "said"),
    [
        (Ties(specs=("hw:cpu_policy", "hw:watchdog_action")), "it asks for hw:cpu_policy, which is claimed"),
        (Ties(specs=("hw:mem_page_size",)), "hw:mem_page_size"),
        (Ties(specs=("pci_passthrough:alias",)), "pci_passthrough:alias"),
        (Ties(specs=("resources1:VGPU",)), "resources1:VGPU"),
        (Ties(specs=("trait:CUSTOM_FAST",)), "trait:CUSTOM_FAST"),
        (Ties(specs=("image_hw_tpm_version",)), "image_hw_tpm_version"),
        (Ties(numa=True), "cells of its node's memory"),
        (Ties(vnics=("direct", "normal")), "a port of the kind direct,"),
        (Ties(drivers={"v": "iscsi", "w": "rbd"}), "it reaches its volume v by iscsi"),
        (Ties(drivers={"v": ""}), "v by nobody knows what"),
        (Ties(moving="evacuation 7 (accepted)"), "record of its evacuation 7 (accepted) is open"),
        (Ties(providers=2), "2 providers"),
    ],
)
def test_what_only_an_evacuation_claims_or_connects_ties(ties: Ties, said: str) -> None:
    assert said in why_tied(ties)
