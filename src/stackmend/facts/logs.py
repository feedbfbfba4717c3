"""Records of the services' logs, read on the nodes.

The filter runs where the logs are: only matches travel, no more than the query's limit from a node.
"""

from __future__ import annotations

from collections.abc import Sequence

from stackmend.adapters.world import World
from stackmend.domain.log_record import LogQuery, NodeLogs
from stackmend.domain.values import NodeName
from stackmend.errors import StackmendError
from stackmend.facts.logs_answer import of_program, order
from stackmend.facts.logs_program import script
from stackmend.rules.logs_services import services_of

SCAN = "stackmend.facts.logs_scan"


def read_nodes(world: World, query: LogQuery, nodes: Sequence[NodeName], *, timeout: float) -> tuple[NodeLogs, ...]:
    """Return what the logs of nodes have; one that cannot be read is silent, with the reason."""
    asked = world.clock.now().timestamp()
    services = {node: services_of(world.inventory.nodes[node].roles) for node in nodes}
    scripts = {node: script(SCAN, order(query, services[node], asked=asked)) for node in nodes}
    ended = world.ssh.run_many(scripts, timeout=timeout, check=False)
    times = (asked, world.clock.now().timestamp())
    return tuple(
        NodeLogs(node, silent=each.sentence)
        if isinstance(each, StackmendError)
        else of_program(node, each.status, each.stdout, each.stderr, query, times)
        for node, each in ended.items()
    )
