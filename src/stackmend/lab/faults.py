"""Breaks the lab on purpose, remembers what is broken, and heals it: ``stackmend lab break`` and ``heal``."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial

import keystoneauth1.exceptions
import openstack.exceptions
from openstack.compute.v2.server import Server
from openstack.connection import Connection

from stackmend.errors import Code, Refused, UsageError
from stackmend.lab import ssh, wait
from stackmend.lab.fault_table import FAULTS, Fault, Site, Where, for_controller
from stackmend.lab.settings import CONTROLLER, Settings

_PATIENCE_S = 300.0
"""A nova-compute that was cut off notices it after a TCP retransmission (up to a minute), and a call that it waits for
ends a minute later; both may come twice."""


@dataclass(frozen=True)
class Broken:
    """One fault that was inflicted and not healed yet.

    Attributes:
        fault: its name.
        node: where.
        since: when, ISO 8601, UTC.
        instance: id of the instance that is broken there; empty where the fault is the node's.
        name: the instance's name.
    """

    fault: str
    node: str
    since: str
    instance: str = ""
    name: str = ""

    @property
    def place(self) -> str:
        """What the fault is named with: the instance, or else the node."""
        return self.name or self.node

    def is_at(self, place: str | None) -> bool:
        """Return whether a person who names that place means this one; None is every place."""
        return place in {None, self.node, self.name or None, self.instance or None}


def find(name: str) -> Fault:
    """Return a fault by its name.

    Raises:
        Refused: there is none of that name.
    """
    for fault in FAULTS:
        if fault.name == name:
            return fault
    known = ", ".join(fault.name for fault in FAULTS)
    raise Refused(Code.LAB_FAULT_UNKNOWN, f"There is no fault {name}", hint=f"There are: {known}.")


def place(settings: Settings, fault: Fault, node: str | None) -> str:
    """Return the node that a fault is inflicted on.

    Args:
        settings: the lab's.
        fault: what shall be broken.
        node: the node that was asked for; may be None where the fault has only one place.

    Raises:
        UsageError: the fault needs a node, and none was given.
        Refused: there is no such node, or it is not one for that fault.
    """
    if node is None:
        if fault.where is Where.CONTROLLER:
            return CONTROLLER
        raise UsageError(Code.USAGE, f"{fault.name} needs {fault.where.value}")
    if node not in settings.nodes:
        raise Refused(Code.NODE_UNKNOWN, f"The lab has no node {node}", hint=f"There are {', '.join(settings.nodes)}.")
    fits = {Where.ANY: True, Where.COMPUTE: node != CONTROLLER, Where.CONTROLLER: node == CONTROLLER}
    if not fits.get(fault.where):
        raise Refused(Code.NODE_WRONG_ROLE, f"{fault.name} is for {fault.where.value}, and {node} is not that")
    return node


def broken(settings: Settings) -> list[Broken]:
    """Return what is broken now, the oldest first."""
    file = settings.state / "faults.json"
    return [Broken(**one) for one in json.loads(file.read_text())] if file.exists() else []


def inflict(settings: Settings, name: str, where: str | None = None, connection: Connection | None = None) -> Broken:
    """Break something; it is so when this returns.

    Args:
        settings: the lab's.
        name: of the fault.
        where: the node, or the instance by its name or id; may be None where the fault has only one place.
        connection: the cloud, as its administrator; only a fault of an instance needs it.

    Raises:
        Refused: no such fault, node or instance.
        UsageError: the fault needs a node or an instance.
        Failed: it could not be done.
    """
    fault = find(name)
    one = _at(settings, fault, where, connection)
    with _changing(settings) as known:  # before the deed, so that a heal finds what was broken off half-way
        _drop(known, one)
        known.append(one)
    fault.inflict(Site(settings, one.node, one.instance))
    return one


def heal(
    settings: Settings,
    connection: Connection,
    name: str | None = None,
    where: str | None = None,
    *,
    say: Callable[[str], None] = lambda _: None,
) -> list[Broken]:
    """Heal what is broken, and return when it works again.

    Args:
        settings: the lab's.
        connection: the cloud, as its administrator.
        name: only that fault; every recorded one where None. A named one is repaired even where none is recorded.
        where: only at that node, or of that instance.
        say: takes a sentence for each fault that is healed.

    Raises:
        Refused: no such fault or node.
        Failed: something does not work again in time.
    """
    healing = chosen(settings, name, where, connection)
    for one in healing:
        fault, site = find(one.fault), Site(settings, one.node, one.instance)
        fault.repair(site)
        wait.until(partial(fault.works, site), f"the end of {one.fault} on {one.place}", seconds=_PATIENCE_S)
        with _changing(settings) as known:
            _drop(known, one)
        say(f"{one.fault} on {one.place} is repaired")
    _wait_for_heartbeats(settings, connection, healing)
    return healing


def chosen(
    settings: Settings, name: str | None, where: str | None, connection: Connection | None = None
) -> list[Broken]:
    """Return what shall be healed, in an order in which it can be: power and cables, the controller, the rest."""
    known = [b for b in broken(settings) if name in {None, b.fault} and b.is_at(where)]
    if name is not None:
        fault = find(name)
        if not known:
            known = [_at(settings, fault, where, connection)]
    return sorted(
        known, key=lambda b: (find(b.fault).where is not Where.ANY, not for_controller(find(b.fault), b.node))
    )


def _at(settings: Settings, fault: Fault, where: str | None, connection: Connection | None) -> Broken:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    if fault.where is not Where.INSTANCE or where is None or connection is None:
        return Broken(fault.name, place(settings, fault, where), since)
    server = _server(connection, where)
    return Broken(fault.name, str(server.compute_host), since, str(server.id), str(server.name))


def _server(connection: Connection, name_or_id: str) -> Server:
    """Return the one instance of a name or id.

    Raises:
        Refused: there is none, or several.
    """
    found = [s for s in connection.compute.servers(all_projects=True) if name_or_id in {s.id, s.name}]
    if len(found) != 1:
        raise Refused(Code.INSTANCE_UNKNOWN, f"The lab has {len(found) or 'no'} instances called {name_or_id}")
    return found[0]


def _wait_for_heartbeats(settings: Settings, connection: Connection, healed: Iterable[Broken]) -> None:
    """Return when every nova-compute that the faults had silenced, and that should run, has reported anew."""
    silenced = [b for b in healed if find(b.fault).silences]
    left = [b for b in broken(settings) if find(b.fault).silences]
    if not silenced or any(for_controller(find(b.fault), b.node) for b in left):
        return
    own = {b.node for b in silenced if b.node != CONTROLLER}
    others = set(settings.compute_names) if any(b.node == CONTROLLER for b in silenced) else set()
    others -= own | {b.node for b in left}
    expected = {node for node in own if not _masked(settings, node)}
    expected |= {node for node in others if _active(settings, node)}
    before = _heartbeats(connection)

    def reported() -> bool:
        now = _heartbeats(connection)
        return all(node in now and now[node] > before.get(node, "") for node in expected)

    wait.until(reported, f"nova-compute of {', '.join(sorted(expected))} to report", seconds=_PATIENCE_S, interval=0.5)


def _heartbeats(connection: Connection) -> dict[str, str]:
    """Return when each nova-compute that is well last reported; nothing where nova cannot be asked."""
    try:
        services = list(connection.compute.services(binary="nova-compute"))
    except (openstack.exceptions.SDKException, keystoneauth1.exceptions.ClientException):
        return {}
    return {
        str(s.host): str(s.updated_at)
        for s in services
        if (s.state == "up" or s.is_forced_down) and not str(s.disabled_reason or "").startswith("AUTO:")
    }


def _masked(settings: Settings, node: str) -> bool:
    state = ssh.run(settings, node, "systemctl is-enabled nova-compute 2> /dev/null || true\n")
    return state.strip().startswith("masked")


def _active(settings: Settings, node: str) -> bool:
    if not ssh.answers(settings, node):
        return False
    return ssh.run(settings, node, "systemctl is-active nova-compute || true\n").strip() == "active"


def _drop(known: list[Broken], one: Broken) -> None:
    known[:] = [b for b in known if (b.fault, b.node, b.instance) != (one.fault, one.node, one.instance)]


@contextmanager
def _changing(settings: Settings) -> Iterator[list[Broken]]:
    """Hand out the record of what is broken, to be changed in place; nobody else changes it meanwhile."""
    if not settings.state.is_dir():
        raise Refused(Code.LAB_NOT_UP, "There is no lab", hint="Start one: stackmend lab up")
    file = settings.state / "faults.json"
    with (settings.state / "faults.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = broken(settings)
        yield known
        new = file.with_suffix(".new")
        new.write_text(json.dumps([asdict(one) for one in known], indent=1))
        new.rename(file)
