"""A node's directory of instances, and everybody who may need what is in it. Nothing is changed.

The order matters: the directory is read first and nova is asked last, so that what comes to be meanwhile is known to
those who are asked about it, and is never taken for something that nobody needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from stackmend.adapters.ssh import Completed
from stackmend.adapters.world import World
from stackmend.domain.instance import Domain, Instance, Migration
from stackmend.domain.instance_files import FilesFacts, Neighbour, NovaWord
from stackmend.domain.node import Role
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import StackmendError
from stackmend.facts import domains, instances, migrations, nova_database, settings
from stackmend.facts.concurrently import each
from stackmend.facts.instance_listing import SECONDS, Glance, glance_script, listing_script, parse, parse_glance, shares
from stackmend.rules.instance_names import instance_of

Record = TypeVar("Record")


def gather(world: World, node: NodeName) -> FilesFacts:
    """Return all that an audit of a node's directory of instances rests on.

    Raises:
        Failed: the node could not be asked, or has no such directory.
    """
    path = settings.instances_path(world, node)
    others = [n.name for n in world.inventory.with_role(Role.COMPUTE) if n.name != node]
    at = world.clock.now()
    with ThreadPoolExecutor(2) as pool:
        glances = pool.submit(_glances, world, others)
        cache = pool.submit(settings.image_cache, world, node)
        own, listing = parse(path, world.ssh.run(node, listing_script(path), timeout=SECONDS).stdout)
        seen = {n: _neighbour(n, own, glance, listing.registered) for n, glance in glances.result().items()}
    asked = [node, *(n for n, neighbour in seen.items() if neighbour.shares)]
    on_libvirt = domains.on_nodes(world, asked)
    ids = {i for entry in listing.entries if (i := instance_of(entry.name))}
    here = on_libvirt.pop(node)
    return FilesFacts(
        node=node,
        at=at,
        listing=listing,
        domains={} if isinstance(here, StackmendError) else here,
        libvirt_silent=here.sentence if isinstance(here, StackmendError) else "",
        neighbours=tuple(_with_domains(seen[n], on_libvirt.get(n)) for n in sorted(seen)),
        nova=_nova(world, ids, frozenset(asked)),
        cache=cache.result(),
    )


def _glances(world: World, nodes: Iterable[NodeName]) -> dict[NodeName, Completed | StackmendError]:
    paths = settings.instances_paths(world, nodes)
    silent = {node: path for node, path in paths.items() if isinstance(path, StackmendError)}
    scripts = {node: glance_script(path) for node, path in paths.items() if isinstance(path, str)}
    return {**silent, **world.ssh.run_many(scripts)}


def _neighbour(
    node: NodeName, own: Glance, answer: Completed | StackmendError, registered: Mapping[NodeName, object] | None
) -> Neighbour:
    """Return a neighbour; one that does not answer shares where nova's own list in the directory names it.

    Where there is such a list and it does not name the node, it does not share; without a list that is not known.
    """
    listed = None if registered is None else node in registered
    if isinstance(answer, StackmendError):
        return Neighbour(node, shares=listed, silent=answer.sentence)
    theirs = parse_glance(answer.stdout)
    return Neighbour(node, shares=bool(listed) or shares(own, theirs), names=frozenset(theirs.inodes))


def _with_domains(neighbour: Neighbour, answer: Mapping[InstanceId, Domain] | StackmendError | None) -> Neighbour:
    if answer is None or neighbour.silent:
        return neighbour
    if isinstance(answer, StackmendError):
        return replace(neighbour, silent=answer.sentence)
    return replace(neighbour, domains=answer)


def _nova(world: World, ids: set[InstanceId], sharing: frozenset[NodeName]) -> NovaWord:
    """Return nova's word on every instance; the database's where nova-api does not answer."""
    try:
        known = {i.id: i for i in instances.everywhere(world)}
        known |= _found(each(lambda i: instances.restorable(world, i), ids - known.keys()))
        gone = _found(each(lambda i: instances.deleted(world, i), ids - known.keys()))
        away = [i for i in ids & known.keys() if known[i].host and known[i].host not in sharing]
        moves = _found(each(lambda i: _latest(world, i), away))
    except StackmendError as error:
        return _by_database(world, error)
    return NovaWord(known, gone, moves)


def _found(answers: Mapping[InstanceId, Record | None]) -> dict[InstanceId, Record]:
    return {instance: record for instance, record in answers.items() if record is not None}


def _latest(world: World, instance: InstanceId) -> Migration | None:
    return next(iter(migrations.of_instance(world, instance)), None)


def _by_database(world: World, why: StackmendError) -> NovaWord:
    found: tuple[Instance, ...] = ()
    way = "database"
    try:
        found = nova_database.instances(world)
    except StackmendError:
        way = ""
    return NovaWord({i.id: i for i in found}, way=way, silent=why.sentence)
