"""Instances to work on: demo-01, demo-02, … started where they are wanted, awaited until they answer and beat."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import keystoneauth1.exceptions
import openstack.exceptions
from openstack.compute.v2.server import Server
from openstack.connection import Connection

from stackmend.errors import Code, Failed, Refused
from stackmend.lab import beat, cloud, images, prober, wait
from stackmend.lab.settings import Settings

_NAME = re.compile(r"demo-(\d+)$")
_AT_ONCE = 4
"""How many instances are built at one time; more would only slow each other down."""
_PATIENCE_S = 180.0


@dataclass(frozen=True)
class DemoInstance:
    """One of the lab's instances.

    Attributes:
        id: UUID.
        name: demo-01, …
        state: nova's status, such as ACTIVE.
        host: compute node; empty before one is chosen.
        address: on the tenant network; empty before it has one.
    """

    id: str
    name: str
    state: str
    host: str
    address: str


@dataclass(frozen=True)
class Kind:
    """What instances are made of; by default a root disk on the node's file system, and nothing else.

    Attributes:
        busy: they rewrite memory without end, so that a slow live migration does not converge.
        from_volume: their root disk is a volume.
        volume: they have a second, empty volume.
        ephemeral: they have an ephemeral disk, ``disk.local``.
    """

    busy: bool = False
    from_volume: bool = False
    volume: bool = False
    ephemeral: bool = False


def start(
    settings: Settings,
    connection: Connection,
    node: str,
    count: int,
    kind: Kind = Kind(),
    *,
    say: Callable[[str], None] = lambda _: None,
) -> list[DemoInstance]:
    """Start instances on a node and return when each answers ping and its heart beats.

    Args:
        settings: the lab's.
        connection: the cloud, as its administrator.
        node: compute node that nova must put them on.
        count: how many.
        kind: what they are made of; their volumes are deleted with them.
        say: takes a sentence for each instance that is there.

    Raises:
        Refused: there is no such compute node.
        Failed: nova could not build one, or one does not answer.
    """
    if node not in settings.compute_names:
        known = ", ".join(settings.compute_names)
        raise Refused(Code.NODE_UNKNOWN, f"The lab has no compute node {node}", hint=f"There are {known}.")
    prober.start(settings, connection)
    with _api(connection):
        order = _order(connection, node, kind)
        names = free_names((one.name for one in list_all(connection)), count)
        made = _build(connection, names, order, say)
        prober.watch(settings, [one.address for one in made])
        prober.wait_for_answers(settings, [one.address for one in made], _PATIENCE_S)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda one: wait_for_beats(connection, one), made))
    return made


def list_all(connection: Connection) -> list[DemoInstance]:
    """Return the lab's instances, by name."""
    with _api(connection):
        servers = connection.compute.servers(all_projects=True)
        return sorted((_demo(s) for s in servers if _NAME.match(s.name)), key=lambda one: one.name)


def delete(settings: Settings, connection: Connection, names: Iterable[str] = ()) -> list[DemoInstance]:
    """Delete the lab's instances of those names, or all of them, and return which they were.

    Raises:
        Refused: there is none of a name.
        Failed: one is still there after a while.
    """
    wanted = set(names)
    present = list_all(connection)
    unknown = wanted - {one.name for one in present}
    if unknown:
        raise Refused(Code.INSTANCE_UNKNOWN, f"The lab has no instance {', '.join(sorted(unknown))}")
    doomed = [one for one in present if not wanted or one.name in wanted]
    ids = {one.id for one in doomed}
    with _api(connection):
        for one in doomed:
            connection.compute.delete_server(one.id)
        wait.until(
            lambda: not ids & {server.id for server in connection.compute.servers(all_projects=True, details=False)},
            "the end of the deleted instances",
            seconds=_PATIENCE_S,
            interval=1.0,
        )
    prober.forget(settings, [one.address for one in doomed])
    return doomed


def beats(connection: Connection, instance: str, lines: int = 100) -> list[beat.Beat]:
    """Return the last heartbeats on an instance's console, of at most so many lines; none while it has no console."""
    with _api(connection):
        try:
            console = connection.compute.get_server_console_output(instance, length=lines)
        except openstack.exceptions.NotFoundException:
            return []
    return beat.parse_all(str(console.get("output", "")).splitlines())


def wait_for_beats(connection: Connection, one: DemoInstance, seconds: float = 60) -> None:
    """Return when an instance's heart has beaten anew.

    Raises:
        Failed: it did not, in the time given.
    """
    first = [b.sequence for b in beats(connection, one.id, 5)][-1:]
    wait.until(
        lambda: [b.sequence for b in beats(connection, one.id, 5)][-1:] > first,
        f"the heartbeat of {one.name}",
        seconds=seconds,
        interval=1.0,
    )


def free_names(taken: Iterable[str], count: int) -> list[str]:
    """Return the first names of the form demo-NN that are not taken."""
    numbers = {int(found[1]) for found in map(_NAME.match, taken) if found}
    free: list[str] = []
    number = 1
    while len(free) < count:
        if number not in numbers:
            free.append(f"demo-{number:02d}")
        number += 1
    return free


def _order(connection: Connection, node: str, kind: Kind) -> dict[str, object]:
    """Return what is asked of nova, but for the name."""
    image = connection.image.find_image(images.BUSY_IMAGE if kind.busy else images.IMAGE, ignore_missing=False)
    flavor_name = cloud.EPHEMERAL_FLAVOR if kind.ephemeral else cloud.FLAVOR
    flavor = connection.compute.find_flavor(flavor_name, ignore_missing=False)
    network = connection.network.find_network(cloud.NETWORK, ignore_missing=False)
    order: dict[str, object] = {"flavor_id": flavor.id, "networks": [{"uuid": network.id}], "host": node}
    order["block_device_mapping"] = disks(str(image.id), kind)
    return order if kind.from_volume else {**order, "image_id": image.id}


def disks(image: str, kind: Kind) -> list[dict[str, object]]:
    """Return the root disk and the second volume as nova's ``block_device_mapping_v2`` names them."""
    where = {"destination_type": "volume", "volume_size": 1} if kind.from_volume else {"destination_type": "local"}
    found = [{"boot_index": 0, "source_type": "image", "uuid": image, "delete_on_termination": True, **where}]
    if kind.volume:
        blank = {"boot_index": -1, "source_type": "blank", "destination_type": "volume", "volume_size": 1}
        found.append({**blank, "delete_on_termination": True})
    return found


def _build(
    connection: Connection, names: Iterable[str], order: dict[str, object], say: Callable[[str], None]
) -> list[DemoInstance]:
    """Have nova build instances, a few at a time, and return them as they became active."""
    waiting, building, made = list(names), dict[str, str](), list[DemoInstance]()
    while waiting or building:
        while waiting and len(building) < _AT_ONCE:
            name = waiting.pop(0)
            building[str(connection.compute.create_server(name=name, **order).id)] = name
        ended = wait.until(
            lambda: set(building) - _in_build(connection),
            f"nova to build {', '.join(building.values())}",
            seconds=_PATIENCE_S,
            interval=1.0,
        )
        for one in filter(None, (_built(connection.compute.get_server(instance)) for instance in ended)):
            del building[one.id]
            made.append(one)
            say(f"{one.name} is {one.state} on {one.host} with {one.address}")
    return made


def _in_build(connection: Connection) -> set[str]:
    """Return the ids of what is being built: one cheap call, since asking for details makes nova ask neutron."""
    servers = connection.compute.servers(details=False, all_projects=True, status="BUILD")
    return {str(server.id) for server in servers}


def _built(server: Server) -> DemoInstance | None:
    if server.status == "ERROR":
        message = (server.fault or {}).get("message", "nova does not say why")
        raise Failed(
            Code.LAB_START_FAILED,
            f"Nova could not build {server.name}",
            hint="Look whether the node is enabled and up: openstack compute service list",
            evidence={"instance": str(server.id), "fault": str(message)},
        )
    return _demo(server) if server.status == "ACTIVE" else None


def _demo(server: Server) -> DemoInstance:
    addresses = [one["addr"] for ports in (server.addresses or {}).values() for one in ports]
    return DemoInstance(
        id=str(server.id),
        name=str(server.name),
        state=str(server.status),
        host=str(server.compute_host or ""),
        address=str(addresses[0]) if addresses else "",
    )


@contextmanager
def _api(connection: Connection) -> Iterator[None]:
    """Turn the client library's errors into ours."""
    try:
        yield
    except (openstack.exceptions.SDKException, keystoneauth1.exceptions.ClientException) as error:
        url = getattr(error, "url", None) or connection.config.get_auth_args().get("auth_url", "")
        raise Failed(
            Code.API_ERROR, f"The cloud did not do what the lab asked: {error}", evidence={"url": str(url)}
        ) from error
