"""What the services' logs have of a command's requests: while it runs, and after it, as long as work goes on."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from stackmend.adapters.world import World
from stackmend.domain.log_record import LogQuery, LogRecord, NodeLogs
from stackmend.domain.node import Role
from stackmend.domain.trace import Call, Ended, Way
from stackmend.domain.values import NodeName
from stackmend.facts.logs import read_nodes
from stackmend.facts.trace_listening import Told
from stackmend.rules.logs_merge import time_line
from stackmend.rules.trace_calls import changes, noted
from stackmend.rules.trace_errors import is_error

SETTLED_SECONDS = 1.0
"""Without a new record, after which reading requests have left all that they will."""
QUIET_SECONDS = 8.0
"""The same, where work may go on after the answer: an image's download writes nothing for a while."""
AFTER_ERROR_SECONDS = 4.0
"""The same, where an error was written: what it leads to follows soon."""
AGAIN_SECONDS = 1.0
MARGIN = timedelta(seconds=1)
_API_ROLES = frozenset({Role.CONTROLLER, Role.PROXY})


@dataclass(frozen=True)
class Asking:
    """How the logs are asked.

    Attributes:
        nodes: which are read.
        wait: seconds after the command for which new records are waited for, at most.
        limit: records of one node.
        timeout: seconds for each node.
        addresses: of this machine, as the services see it; none to find that out.
        by_address: whether all requests from there are taken, also where the command told its own.
    """

    nodes: tuple[NodeName, ...]
    wait: float
    limit: int
    timeout: float
    addresses: tuple[str, ...] = ()
    by_address: bool = False


@dataclass(frozen=True)
class Gathered:
    """What was found of a command.

    Attributes:
        way: how its requests were learnt.
        calls: in the order of time.
        records: of them, in the order of time.
        reads: what was read on each node.
        addresses: of this machine, that were looked for.
        others: request ids that came from here meanwhile, and that no program of the command told.
        going_on: whether records were still being written when the time to wait was over.
    """

    way: Way
    calls: tuple[Call, ...]
    records: tuple[LogRecord, ...]
    reads: tuple[NodeLogs, ...]
    addresses: tuple[str, ...]
    others: tuple[str, ...] = ()
    going_on: bool = False


def gather(world: World, command: Ended, told: Told, own: str, asking: Asking) -> Gathered:
    """Return what the logs have of a command that has ended.

    Args:
        world: the cloud.
        command: which.
        told: what its programs told of their requests.
        own: the global request id that they were given.
        asking: how.
    """
    addresses = asking.addresses or own_addresses(world, asking.nodes)
    if told.calls and not asking.by_address:
        ids = _ids(told.calls, told.sent)
        reads, going_on = _settled(world, ids, command, asking, (), may_go_on=any(map(changes, told.calls)))
        records = tuple(time_line(reads))
        known = {record.request for record in records} | set(ids)
        heard = tuple(read.node for read in reads if not read.silent)
        seen = noted(time_line(_from(world, addresses, command, replace(asking, nodes=heard))), addresses, own)
        others = tuple(call.request for call in seen if call.request and call.request not in known)
        return Gathered(Way.TOLD, told.calls, records, reads, addresses, others, going_on)
    left = (command.ended + MARGIN - world.clock.now()).total_seconds()
    world.clock.pause(max(left, 0))  # a service may note a request after it has answered it
    reads = _from(world, addresses, command, asking)
    calls = _together(told.calls, noted(time_line(reads), addresses, own))
    way = Way.ADDRESS if calls else Way.NONE
    ids = _ids(calls, told.sent)
    if not ids:
        return Gathered(way, calls, (), reads, addresses)
    reads, going_on = _settled(world, ids, command, asking, reads, may_go_on=any(map(changes, calls)))
    return Gathered(way, calls, tuple(time_line(reads)), reads, addresses, going_on=going_on)


def own_addresses(world: World, nodes: Iterable[NodeName]) -> tuple[str, ...]:
    """Return the addresses from which this machine would speak to the nodes that have APIs. Nothing is sent."""
    places = [world.inventory.nodes[node] for node in nodes]
    apis = [node for node in places if node.roles & _API_ROLES] or places
    return tuple(sorted({address for node in apis if (address := _towards(node.ssh.address))}))


def _towards(address: str) -> str:
    """Return this machine's address on the way to another; empty where there is no way, or no such name."""
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(address, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(target)  # of UDP: no packet leaves
            return str(probe.getsockname()[0]).partition("%")[0]
    except OSError:
        return ""


def _ids(calls: Iterable[Call], sent: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*sent, *(call.request for call in calls if call.request)]))


def _together(told: Sequence[Call], seen: Sequence[Call]) -> tuple[Call, ...]:
    """Return the calls that were told, and those that were seen beside, in the order of time."""
    known = {call.request for call in told}
    return tuple(sorted([*told, *(call for call in seen if call.request not in known)], key=lambda call: call.time))


def _from(world: World, addresses: Sequence[str], command: Ended, asking: Asking) -> tuple[NodeLogs, ...]:
    """Return the records of a command's time that have one of the addresses in them."""
    strings = tuple(f" {address} " for address in addresses) + tuple(f"from {address}" for address in addresses)
    if not strings:
        return ()
    query = LogQuery(requests=strings, since=command.began - MARGIN, until=command.ended + MARGIN, limit=asking.limit)
    return read_nodes(world, query, asking.nodes, timeout=asking.timeout)


def _settled(
    world: World,
    ids: tuple[str, ...],
    command: Ended,
    asking: Asking,
    known: Sequence[NodeLogs],
    *,
    may_go_on: bool,
) -> tuple[tuple[NodeLogs, ...], bool]:
    """Return what the logs have of requests once nothing new is written, and whether it still was at the end.

    A node that was silent is not asked again: that may take as long as all else.
    """
    query = LogQuery(requests=ids, since=command.began - MARGIN, limit=asking.limit)
    deadline = world.clock.monotonic() + asking.wait
    silent = {read.node: read for read in known if read.silent}
    matched, grew = -1, world.clock.monotonic()
    while True:
        asked = [node for node in asking.nodes if node not in silent]
        reads = read_nodes(world, query, asked, timeout=asking.timeout)
        silent |= {read.node: read for read in reads if read.silent}
        now, found = world.clock.monotonic(), sum(read.matched for read in reads)
        if found != matched:
            matched, grew = found, now
        quiet = _quiet(reads) if may_go_on else SETTLED_SECONDS
        if now - grew >= quiet or now >= deadline:
            heard = [read for read in reads if not read.silent]
            return (*heard, *silent.values()), now - grew < quiet
        world.clock.pause(min(AGAIN_SECONDS, deadline - now))


def _quiet(reads: Iterable[NodeLogs]) -> float:
    failed = any(is_error(record) for read in reads for record in read.records)
    return AFTER_ERROR_SECONDS if failed else QUIET_SECONDS
