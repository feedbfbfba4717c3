"""What stands in the way of the lab's bridge and network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stackmend.lab.network import find_clash
from stackmend.lab.settings import Settings

SETTINGS = Settings(state=Path("/var/lib/stackmend-lab"))
LO = {"ifname": "lo"}
OURS = {"ifname": "smlab0", "ifalias": "stackmend-lab /var/lib/stackmend-lab"}
OUR_ROUTES = [
    {"dst": "10.213.76.0/25", "dev": "smlab0"},
    {"type": "local", "dst": "10.213.76.1", "dev": "smlab0", "table": "local"},
    {"type": "broadcast", "dst": "10.213.76.127", "dev": "smlab0", "table": "local"},
]
UPLINK = [
    {"dst": "default", "gateway": "192.0.2.1", "dev": "eth0"},
    {"dst": "192.0.2.0/24", "dev": "eth0"},
    {"type": "local", "dst": "127.0.0.0/8", "dev": "lo", "table": "local"},
]


@pytest.mark.parametrize(
    ("links", "routes", "words"),
    [
        ([LO], UPLINK, ""),
        ([LO, OURS], [*UPLINK, *OUR_ROUTES], ""),
        ([LO, {"ifname": "smlab0"}], UPLINK, "it is not the lab's"),
        ([LO, {"ifname": "smlab0", "ifalias": "somebody's"}], UPLINK, "it is not the lab's"),
        ([LO, {**OURS, "ifalias": "stackmend-lab /tmp/other"}], UPLINK, "it belongs to the lab in /tmp/other"),
        ([LO], [*UPLINK, {"dst": "10.0.0.0/8", "dev": "tun9"}], "overlaps 10.0.0.0/8 on tun9"),
        ([LO], [*UPLINK, {"dst": "10.213.76.200", "dev": "eth1"}], "overlaps 10.213.76.200/32 on eth1"),
        ([LO], [*UPLINK, {"dst": "10.213.76.0/25", "dev": "smlab1"}], "overlaps 10.213.76.0/25 on smlab1"),
        ([LO], [*UPLINK, {"dst": "10.213.77.0/24", "dev": "eth1"}], ""),
    ],
)
def test_clashes(links: list[dict[str, Any]], routes: list[dict[str, Any]], words: str) -> None:
    found = find_clash(SETTINGS, links, routes)
    assert (words in found) if words else (found == "")
