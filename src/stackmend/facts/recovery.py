"""Everything that is known before a dead node is recovered; nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from stackmend.adapters.world import World
from stackmend.domain.death import DeathFacts
from stackmend.domain.drain import Target
from stackmend.domain.instance import ComputeService, Resources
from stackmend.domain.power import Power
from stackmend.domain.recovery import RecoveryFacts, Sight, Stranded
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import StackmendError
from stackmend.facts import death, groups, placement, relocation, services, sight, stranded, volume_backends
from stackmend.facts.drain import places_of, sort_services
from stackmend.rules.death import judge
from stackmend.rules.sight import proved


@dataclass(frozen=True)
class _Views:
    """What the living nodes see: shown to be the dead node's own, doubtful, and who could not be asked."""

    shared: Mapping[NodeName, frozenset[InstanceId]]
    doubtful: Mapping[InstanceId, frozenset[NodeName]]
    silent: Mapping[NodeName, str]


def gather(world: World, node: NodeName, *, by_database: bool = False) -> RecoveryFacts:
    """Return the world before the recovery of a node; what ties its instances to it, too, where ``by_database``.

    Raises:
        Refused: nova has no nova-compute there.
        Failed: a service that must be asked could not be.
    """
    with ThreadPoolExecutor(6) as pool:
        diagnosed = pool.submit(_diagnosed, world, node)
        power = pool.submit(_controller_error, world, node)
        here = pool.submit(stranded.on_node, world, node)
        rooms = pool.submit(placement.providers, world)
        all_groups = pool.submit(groups.all_groups, world)
        every = services.compute_services(world)
        service, usable, unusable = sort_services(world, node, every)
        instances = [s.instance for s in here.result()]
        views = _views(world, service, usable, here.result())
        own_volumes = pool.submit(volume_backends.served_by, world, node, instances)
        touched = tuple(g for g in all_groups.result() if {i.id for i in instances} & set(g.members))
        room = {p.name: p.room for p in rooms.result()}
        diagnosis = judge(diagnosed.result())
        return RecoveryFacts(
            service=service,
            condition=diagnosis.condition,
            why=diagnosis.sentence,
            controlled=world.inventory.nodes[node].power is not None,
            controller_error=power.result(),
            stranded=here.result(),
            targets=tuple(
                Target(n, room.get(n, Resources()), views.shared[n]) for n in usable if n not in views.silent
            ),
            doubtful=views.doubtful,
            unusable=unusable | dict(views.silent),
            groups=touched,
            places=places_of(world, instances, [m for g in touched for m in g.members]),
            tied=relocation.tied(world, node, here.result()) if by_database else {},
            down=tuple(s.host for s in every if s.host == node or (not s.up and s.enabled and not s.forced_down)),
            computes=len(every),
            own_volumes=own_volumes.result(),
        )


def _diagnosed(world: World, node: NodeName) -> DeathFacts:
    """Return what every witness says of the node; they are given little time where its controller says off."""
    power = death.power(world, node)
    return death.gather(world, node, care=death.BRIEF if power and power.state is Power.OFF else death.THOROUGH)


def _controller_error(world: World, node: NodeName) -> str:
    """Return why a node's power controller gives no answer; empty where it does, or there is none."""
    if world.inventory.nodes[node].power is None:
        return ""
    try:
        world.power.state(node)
    except StackmendError as error:
        return error.sentence
    return ""


def _views(world: World, service: ComputeService, viewers: list[NodeName], here: tuple[Stranded, ...]) -> _Views:
    seen = sight.sights(world, service.host, viewers, [s.instance.id for s in here])
    answers = [s for s in seen.values() if isinstance(s, Sight)]
    shared = {s.node: proved(s, here, service.heartbeat) for s in answers}
    doubtful: dict[InstanceId, frozenset[NodeName]] = {}
    for view in answers:
        for instance in view.changed.keys() - shared[view.node]:
            doubtful[instance] = doubtful.get(instance, frozenset()) | {view.node}
    silent = {n: s.sentence for n, s in seen.items() if isinstance(s, StackmendError)}
    return _Views(shared, doubtful, silent)
