"""Everything that the witnesses say of volumes, asked for side by side; nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from stackmend.adapters.world import World
from stackmend.domain.instance import Instance
from stackmend.domain.node import Role
from stackmend.domain.values import InstanceId, NodeName
from stackmend.domain.volume import VolumeFacts, VolumeMapping
from stackmend.errors import StackmendError
from stackmend.facts import instances, services, volume_disks, volume_storage, volumes
from stackmend.facts.concurrently import each
from stackmend.rules.volumes import judge


@dataclass(frozen=True)
class _Heard:
    """Every witness's word, nova's mappings excepted.

    Attributes:
        cinder: its records.
        instances: nova's, by id.
        nodes: the answer of each node's libvirt.
        strangers: nodes that nova has a nova-compute on and the inventory has not.
    """

    cinder: volumes.CinderRecords
    instances: Mapping[InstanceId, Instance]
    nodes: Mapping[NodeName, volume_disks.NodeDisks | StackmendError]
    strangers: frozenset[NodeName]

    @property
    def answered(self) -> list[volume_disks.NodeDisks]:
        return [answer for answer in self.nodes.values() if not isinstance(answer, StackmendError)]

    @property
    def silent(self) -> dict[NodeName, str]:
        """Why nodes could not be asked."""
        refused = {n: a.sentence for n, a in self.nodes.items() if isinstance(a, StackmendError)}
        return refused | dict.fromkeys(self.strangers, "it is not in the inventory")

    def on(self, node: NodeName) -> set[str]:
        """Return the volumes that any witness names for a node."""
        here = {i.id for i in self.instances.values() if i.host == node}
        answer = self.nodes.get(node)
        disks = answer.disks if isinstance(answer, volume_disks.NodeDisks) else ()
        return (
            {v for i in here for v in self.instances[i].volumes}
            | {a.volume for a in self.cinder.attachments if a.instance in here or a.host == node}
            | {d.volume for d in disks}
        )


def of_volume(world: World, volume: str) -> VolumeFacts:
    """Return what all witnesses say of one volume, by its id; Ceph is asked where a repair depends on it.

    Raises:
        Failed: Cinder or nova could not be asked.
    """
    heard = _hear(world, lambda: volumes.of_volume(world, volume))
    return _facts(world, heard, {volume})[0]


def named(world: World, name_or_id: str) -> VolumeFacts:
    """Return what all witnesses say, Ceph always, of the volume that a person means by its UUID or its name.

    Raises:
        Refused: VOLUME_UNKNOWN.
        Failed: Cinder or nova could not be asked.
    """
    heard = _hear(world, lambda: volumes.everything(world))
    return _facts(world, heard, {volumes.resolve(heard.cinder.volumes, name_or_id).id}, always=True)[0]


def on_node(world: World, node: NodeName) -> tuple[VolumeFacts, ...]:
    """Return what all witnesses say of every volume that one of them names for a node.

    Raises:
        Failed: Cinder or nova could not be asked.
    """
    heard = _hear(world, lambda: volumes.everything(world))
    return _facts(world, heard, heard.on(node))


def everywhere(world: World) -> tuple[VolumeFacts, ...]:
    """Return what all witnesses say of every volume that one of them knows.

    Raises:
        Failed: Cinder or nova could not be asked.
    """
    heard = _hear(world, lambda: volumes.everything(world))
    used = {v for i in heard.instances.values() for v in i.volumes}
    used |= {d.volume for answer in heard.answered for d in answer.disks}
    return _facts(world, heard, used | {v.id for v in heard.cinder.volumes})


def _hear(world: World, cinder: Callable[[], volumes.CinderRecords]) -> _Heard:
    with ThreadPoolExecutor(4) as pool:
        records = pool.submit(cinder)
        on_nova = pool.submit(instances.everywhere, world)
        computes = pool.submit(services.compute_services, world)
        known = [node.name for node in world.inventory.with_role(Role.COMPUTE)]
        answers = volume_disks.on_nodes(world, known)
        strangers = frozenset(s.host for s in computes.result()) - set(known)
        return _Heard(records.result(), {i.id: i for i in on_nova.result()}, answers, strangers)


def _facts(world: World, heard: _Heard, wanted: set[str], *, always: bool = False) -> tuple[VolumeFacts, ...]:
    """Return the facts of volumes, sorted by name and id; Ceph is asked ``always``, or where a repair depends on it."""
    users = {i.id for i in heard.instances.values() if wanted & set(i.volumes)}
    users |= {a.instance for a in heard.cinder.attachments if a.volume in wanted and a.instance}
    mappings = volumes.mappings(world, users)
    # no list has those that are soft-deleted, which keep their volumes
    unlisted = each(lambda i: instances.restorable(world, i), users - heard.instances.keys())
    known = {**heard.instances, **{i: found for i, found in unlisted.items() if found is not None}}
    heard = replace(heard, instances=known)
    records = {v.id: v for v in heard.cinder.volumes}
    order = sorted(wanted, key=lambda v: (records[v].name if v in records else "", v))
    return _with_storage(world, heard, tuple(_of_one(heard, mappings, volume) for volume in order), always=always)


def _with_storage(
    world: World, heard: _Heard, facts: tuple[VolumeFacts, ...], *, always: bool
) -> tuple[VolumeFacts, ...]:
    """Return the facts, with Ceph's word on volumes that a repair would take from who uses them: it costs a command."""
    now = world.clock.now()

    def matters(one: VolumeFacts) -> bool:
        return always or any(f.cure is not None and f.cure.takes_away for f in judge(one, now=now, settled=0.0))

    doubtful = [one.volume for one in facts if one.volume is not None and matters(one)]
    if not doubtful:
        return facts
    peers = [n for n, answer in heard.nodes.items() if not isinstance(answer, StackmendError)]
    words = volume_storage.watched(world, doubtful, heard.cinder.images, peers)
    return tuple(replace(one, watched=words.get(one.id)) for one in facts)


def _of_one(heard: _Heard, mappings: tuple[VolumeMapping, ...], volume: str) -> VolumeFacts:
    attachments = tuple(a for a in heard.cinder.attachments if a.volume == volume)
    mapped = tuple(m for m in mappings if m.volume == volume)
    disks = tuple(d for answer in heard.answered for d in answer.disks if d.volume == volume)
    users = {a.instance for a in attachments} | {m.instance for m in mapped} | {d.instance for d in disks}
    return VolumeFacts(
        id=volume,
        volume=next((v for v in heard.cinder.volumes if v.id == volume), None),
        attachments=attachments,
        mappings=mapped,
        disks=disks,
        instances={i: heard.instances[i] for i in users if i in heard.instances},
        running=frozenset(i for answer in heard.answered for i in answer.running),
        silent=heard.silent,
        asked=tuple(sorted({*heard.nodes, *heard.strangers})),
    )
