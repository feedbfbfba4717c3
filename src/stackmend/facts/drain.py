"""Everything that is known before a node is drained, asked for side by side; nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from stackmend.adapters.world import World
from stackmend.domain.drain import DrainFacts, Target
from stackmend.domain.instance import ComputeService, Instance, NodeInstances, Provider, Resources
from stackmend.domain.node import Role
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, Failed, Refused, StackmendError
from stackmend.facts import cpu, domains, groups, instances, placement, services, settings, storage


def gather(world: World, node: NodeName) -> DrainFacts:
    """Return the world before a drain of a node.

    Raises:
        Refused: nova has no nova-compute there.
        Failed: the node, or a service that must be asked, could not be.
    """
    with ThreadPoolExecutor(8) as pool:
        all_services = pool.submit(services.compute_services, world)
        on_nova = pool.submit(instances.on_node, world, node)
        on_libvirt = pool.submit(domains.on_node, world, node)
        rooms = pool.submit(placement.providers, world)
        all_groups = pool.submit(groups.all_groups, world)
        width = pool.submit(settings.max_concurrent_live_migrations, world, node)
        service, usable, unusable = sort_services(world, node, all_services.result())
        here = NodeInstances(node, on_nova.result(), on_libvirt.result())
        targets, silent = _targets(world, here, usable, rooms.result())
        ids = {i.id for i in here.instances}
        touched = tuple(g for g in all_groups.result() if ids & set(g.members))
        return DrainFacts(
            service=service,
            on_node=here,
            targets=targets,
            unusable=unusable | silent,
            groups=touched,
            places=places_of(world, here.instances, [m for g in touched for m in g.members]),
            concurrency=width.result(),
        )


def sort_services(
    world: World, node: NodeName, all_services: tuple[ComputeService, ...]
) -> tuple[ComputeService, list[NodeName], dict[NodeName, str]]:
    """Return the node's own service, the nodes that can be moved to, and why the others can not.

    Raises:
        Refused: nova has no nova-compute on the node.
    """
    own = next((s for s in all_services if s.host == node), None)
    if own is None:
        raise Refused(
            Code.NODE_WRONG_ROLE, f"nova has no nova-compute on {node}", hint="see `stackmend status` for the nodes"
        )
    known = {n.name for n in world.inventory.with_role(Role.COMPUTE)}
    usable, unusable = [], {}
    for service in all_services:
        why = _why_unusable(service, known)
        if service.host == node:
            continue
        if why:
            unusable[service.host] = why
        else:
            usable.append(service.host)
    return own, usable, unusable


def _why_unusable(service: ComputeService, known: set[NodeName]) -> str:
    if not service.up or service.forced_down:
        return "its nova-compute is down"
    if not service.enabled:
        return "its scheduling is disabled" + (f" ({service.reason})" if service.reason else "")
    return "" if service.host in known else "it is not in the inventory"


def _targets(
    world: World, here: NodeInstances, usable: list[NodeName], providers: tuple[Provider, ...]
) -> tuple[tuple[Target, ...], dict[NodeName, str]]:
    rooms = {p.name: p.room for p in providers}
    ids = [i.id for i in here.instances]
    shared = storage.shared_instance_files(world, here.node, usable, ids)
    cpus = {d.uuid: d.cpu_xml for d in here.domains.values()}

    def ask(node: NodeName) -> Target | StackmendError:
        try:
            return Target(
                node=node,
                room=rooms.get(node, Resources()),
                shared=frozenset(shared.get(node, ())),
                cpu_refuses=cpu.refusals(world, node, cpus),
                concurrency=settings.max_concurrent_live_migrations(world, node),
            )
        except Failed as error:
            return error

    with ThreadPoolExecutor(16) as pool:
        answers = dict(zip(usable, pool.map(ask, usable), strict=True))
    targets = tuple(a for a in answers.values() if isinstance(a, Target))
    return targets, {n: a.sentence for n, a in answers.items() if isinstance(a, StackmendError)}


def places_of(world: World, here: Iterable[Instance], members: Iterable[InstanceId]) -> dict[InstanceId, NodeName]:
    """Return where group members are; those among ``here`` are known, the others are asked for.

    Raises:
        Failed: nova could not be asked.
    """
    wanted = set(members)
    places = {i.id: i.host for i in here if i.id in wanted}
    for member in wanted - places.keys():
        found = instances.get(world, member)
        if found is not None and found.host:
            places[member] = found.host
    return places
