"""Where the lab lives, what its hosts are called and which addresses they have."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from stackmend.errors import Code, Refused, UsageError

CONTROLLER = "ctl01"
MOST_COMPUTES = 9
SHARING = ("c01", "c02")
"""The compute nodes that share one directory of instances."""


@dataclass(frozen=True)
class Settings:
    """A lab's fixed facts.

    Attributes:
        cache: base system, provisioned layers and guest images; safe to delete while no lab is up.
        state: what the running lab consists of.
        bridge: network interface that joins the hosts.
        subnet: a private /24; its lower half are the hosts' addresses, its upper half the tunnels'.
        computes: how many compute nodes.
    """

    cache: Path = Path("/var/cache/stackmend-lab")
    state: Path = Path("/var/lib/stackmend-lab")
    bridge: str = "smlab0"
    subnet: IPv4Network = field(default_factory=lambda: IPv4Network("10.213.76.0/24"))
    computes: int = 3

    @property
    def compute_names(self) -> tuple[str, ...]:
        """Names of the compute nodes, from c01 on."""
        return tuple(f"c{n:02d}" for n in range(1, self.computes + 1))

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of all nodes, the controller first."""
        return (CONTROLLER, *self.compute_names)

    @property
    def management(self) -> IPv4Network:
        """The hosts' own network."""
        return next(self.subnet.subnets(prefixlen_diff=1))

    @property
    def tunnel(self) -> IPv4Network:
        """The network that carries the tenants' tunnels."""
        return list(self.subnet.subnets(prefixlen_diff=1))[1]

    @property
    def gateway(self) -> IPv4Address:
        """The bridge's own address; routes nothing."""
        return self.management[1]

    def address(self, node: str) -> str:
        """Return a node's address on the hosts' network."""
        return str(self.management[_number(node)])

    def tunnel_address(self, node: str) -> str:
        """Return a node's address on the tunnels' network."""
        return str(self.tunnel[_number(node)])

    def machine(self, node: str) -> str:
        """Return the name of a node's container; the bridge's end of its cable is ``vb-`` and this."""
        return f"{self.bridge}-{node}"

    def instances_dir(self, node: str) -> Path:
        """Return the machine's directory that a compute node has as /var/lib/nova/instances."""
        return self.state / "instances" / ("shared" if node in SHARING else node)


def _number(node: str) -> int:
    return 10 if node == CONTROLLER else 20 + int(node[1:])


def from_environment(environ: Mapping[str, str] | None = None, *, computes: int | None = None) -> Settings:
    """Return the settings that the environment asks for.

    Args:
        environ: variables to read; the process's own where None.
        computes: number of compute nodes; where None, ``STACKMEND_LAB_COMPUTES`` or 3.

    Raises:
        UsageError: a variable has no usable value.
    """
    env = os.environ if environ is None else environ
    default = Settings()
    try:
        count = int(env.get("STACKMEND_LAB_COMPUTES", default.computes)) if computes is None else computes
        subnet = IPv4Network(env.get("STACKMEND_LAB_SUBNET", str(default.subnet)))
    except ValueError as error:
        raise UsageError(Code.USAGE, f"The lab's settings in the environment cannot be read: {error}") from error
    if not 1 <= count <= MOST_COMPUTES:
        raise UsageError(Code.USAGE, f"The lab has 1 to {MOST_COMPUTES} compute nodes, not {count}")
    if subnet.prefixlen != 24 or not subnet.is_private:  # noqa: PLR2004 - a /24 is what the layout needs
        raise UsageError(Code.USAGE, f"STACKMEND_LAB_SUBNET must be a private /24 network, not {subnet}")
    bridge = env.get("STACKMEND_LAB_BRIDGE", default.bridge)
    if not re.fullmatch(r"[a-z][a-z0-9]{0,5}", bridge):
        raise UsageError(Code.USAGE, f"STACKMEND_LAB_BRIDGE must be 1 to 6 small letters and digits, not {bridge!r}")
    return Settings(
        cache=Path(env.get("STACKMEND_LAB_CACHE", str(default.cache))).absolute(),
        state=Path(env.get("STACKMEND_LAB_DIR", str(default.state))).absolute(),
        bridge=bridge,
        subnet=subnet,
        computes=count,
    )


def require_root() -> None:
    """Raise Refused where the process is not root's."""
    if os.geteuid() != 0:
        raise Refused(
            Code.LAB_NOT_ROOT,
            "The lab needs root: it mounts file systems and starts containers",
            hint="Run it with sudo, or as root.",
        )
