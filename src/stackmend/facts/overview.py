"""Everything that ``stackmend status`` shows, asked for side by side; what does not answer is asked by another way."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from stackmend.adapters.world import World
from stackmend.domain.overview import CloudFacts
from stackmend.errors import Code, StackmendError
from stackmend.facts import glances, instances, network, nova_database, services

T = TypeVar("T")

ASKERS_FAULT = frozenset({Code.AUTH_FAILED, Code.TOKEN_EXPIRED, Code.CLOUD_UNKNOWN})
"""What is wrong with the asker and not with the cloud: no other way is tried."""


@dataclass
class _Ways:
    """Remembers by which way something was seen, and why not by the usual one."""

    taken: dict[str, str] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)

    def first(self, subject: str, *ways: tuple[str, Callable[[], T]]) -> T | None:
        """Return the first answer; None where no way gives one.

        Raises:
            StackmendError: the fault is the asker's.
        """
        for way, ask in ways:
            try:
                answer = ask()
            except StackmendError as error:
                if error.code in ASKERS_FAULT:
                    raise
                self.unseen.append(f"{subject} not by {way}: {error.sentence}")
            else:
                self.taken[subject] = way
                return answer
        return None


def gather(world: World) -> CloudFacts:
    """Return what can be seen of the cloud now: by its APIs; without nova's, by its database; and on every node.

    Raises:
        Failed: AUTH_FAILED, TOKEN_EXPIRED.
        Refused: CLOUD_UNKNOWN.
    """
    nodes = tuple(sorted(world.inventory.nodes.values(), key=lambda node: node.name))
    ways = _Ways()
    world.openstack.prepare()  # so that keystone's answer is waited for while asyncssh is imported, and not after
    with ThreadPoolExecutor(4) as pool:
        of_nova = pool.submit(
            ways.first,
            "services",
            ("nova-api", lambda: services.all_services(world)),
            ("database", lambda: nova_database.services(world)),
        )
        of_neutron = pool.submit(ways.first, "agents", ("neutron-api", lambda: network.agents(world)))
        of_instances = pool.submit(
            ways.first,
            "instances",
            ("nova-api", lambda: instances.everywhere(world)),
            ("database", lambda: nova_database.instances(world)),
        )
        on_nodes = pool.submit(glances.at, world, nodes)
        return CloudFacts(
            nodes=nodes,
            services=of_nova.result(),
            agents=of_neutron.result(),
            instances=of_instances.result(),
            glances=on_nodes.result(),
            ways=dict(sorted(ways.taken.items())),
            unseen=tuple(sorted(ways.unseen)),
        )
