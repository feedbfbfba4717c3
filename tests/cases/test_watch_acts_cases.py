"""Cases as data: a node that is down, what the watch knows, and why it is not acted on, word by word."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from stackmend.domain.death import Condition, Diagnosis
from stackmend.domain.finding import Finding, Level
from stackmend.domain.values import NodeName
from stackmend.rules.watch_acts import Standing, most_at_once, readmitted, why_not

CASES = [
    case
    for path in sorted((Path(__file__).parent / "watch_acts").glob("*.yaml"))
    for case in yaml.safe_load(path.read_text())
]
NODE = NodeName("c01")


def found(node: dict[str, Any]) -> Diagnosis:
    condition = Condition(node.get("condition", "off"))
    warnings = [Finding("power-contradicted", Level.WARNING, node["warning"], NODE)] if "warning" in node else []
    return Diagnosis(
        NODE, datetime(2026, 11, 24, tzinfo=UTC), condition, "", (), node.get("planned", ""), tuple(warnings)
    )


def names(case: dict[str, Any], key: str) -> frozenset[NodeName]:
    return frozenset(NodeName(name) for name in case.get(key, [NODE]))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    standing = Standing(
        allowed=names(case, "allowed"),
        max_share=case.get("max_share", 10),
        watched=case.get("watched", 10),
        down=names(case, "down"),
        controlled=names(case, "controlled"),
        acted={NodeName(node): said for node, said in case.get("acted", {}).items()},
        wave=case.get("wave", False),
    )
    assert why_not(found(case.get("node", {})), standing) == case["why_not"]


@pytest.mark.parametrize(("share", "watched", "most"), [(10, 10, 1), (10, 9, 0), (34, 3, 1), (100, 3, 3), (0, 50, 0)])
def test_a_share_is_whole_nodes(share: float, watched: int, most: int) -> None:
    assert most_at_once(share, watched) == most


def test_only_a_node_that_is_up_and_wanted_is_readmitted() -> None:
    assert readmitted(found({"condition": "up"}))
    assert not readmitted(found({"condition": "up", "planned": "stackmend disabled its scheduling"}))
    assert not readmitted(found({"condition": "degraded"}))
