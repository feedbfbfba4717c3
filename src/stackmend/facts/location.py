"""What every witness says on where an instance is; deciding is for ``stackmend.rules.location``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from stackmend.adapters.ssh import Completed
from stackmend.adapters.world import World
from stackmend.domain.instance import Instance, Migration, Witness
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import StackmendError
from stackmend.facts import instances, migrations, network, placement

ARRIVED = frozenset({"completed", "confirmed", "finished", "done"})
"""Statuses of a migration record whose instance is on the target."""

_SLACK = timedelta(seconds=10)

_LIBVIRT = """
ids=$(virsh -r -q -c qemu:///system list --all --uuid) || exit
case "$ids" in *{instance}*) virsh -r -q -c qemu:///system domstate {instance} ;; *) echo absent ;; esac
"""


def witnesses(world: World, instance: InstanceId, nodes: Sequence[NodeName]) -> tuple[Witness, ...]:
    """Ask nova, its migration record, placement, neutron and the libvirt of each node where an instance is.

    They are asked side by side. One that cannot be asked is ``silent``, with the reason; that is no error here.

    Args:
        world: the cloud.
        instance: its id.
        nodes: where it may be.
    """
    with ThreadPoolExecutor(5) as pool:
        libvirts = pool.submit(_libvirts, world, instance, nodes)
        asked = [
            pool.submit(_heard, "nova", lambda: _nova(world, instance)),
            pool.submit(_heard, "migration", lambda: _migration(world, instance)),
            pool.submit(_heard, "placement", lambda: _placement(world, instance)),
            pool.submit(_heard, "neutron", lambda: _neutron(world, instance)),
        ]
        return (*(future.result() for future in asked), *libvirts.result())


def _heard(name: str, ask: Callable[[], Witness]) -> Witness:
    try:
        return ask()
    except StackmendError as error:
        return Witness(name, (), f"{name} could not be asked", silent=error.sentence)


def _nova(world: World, instance: InstanceId) -> Witness:
    found = instances.get(world, instance)
    if found is None:
        return Witness("nova", (), "nova does not have it")
    if not found.host:
        return Witness("nova", (), f"nova has it {found.vm_state}, on no node")
    return Witness("nova", (found.host,), f"nova has it {found.vm_state} on {found.host}")


def _migration(world: World, instance: InstanceId) -> Witness:
    found = migrations.of_instance(world, instance)
    if not found:
        return Witness("migration", (), "nova has no record of a migration")
    return of_record(found[0], instances.get(world, instance))


def of_record(record: Migration, instance: Instance | None) -> Witness:
    """Return what the newest migration record says.

    Only one that has arrived names a place: one that failed may have done so before or after the instance moved. And it
    says nothing any more where the instance was launched after it, as by an unshelving.
    """
    way = f"migration {record.id} from {record.source} to {record.target or 'a node not chosen yet'}"
    launched = instance.launched if instance else None
    if launched and record.updated and launched > record.updated + _SLACK:
        return Witness("migration", (), f"{way} is older than the last launch of the instance")
    places = (record.target,) if record.status in ARRIVED else ()
    return Witness("migration", places, f"{way} is {record.status}")


def _placement(world: World, instance: InstanceId) -> Witness:
    places = placement.allocation_places(world, instance)
    where = " and ".join(places) or "no node"
    return Witness("placement", places, f"placement has its allocation on {where}")


def _neutron(world: World, instance: InstanceId) -> Witness:
    bound = network.bindings(world, instance)
    places = tuple(sorted({b.host for b in bound if b.host}))
    if not bound:
        return Witness("neutron", (), "neutron has no port of it")
    return Witness("neutron", places, f"neutron has its ports bound on {' and '.join(places) or 'no node'}")


def _libvirts(world: World, instance: InstanceId, nodes: Sequence[NodeName]) -> tuple[Witness, ...]:
    answers = world.ssh.run_many(dict.fromkeys(nodes, _LIBVIRT.format(instance=instance)))
    return tuple(_libvirt(node, answer) for node, answer in answers.items())


def _libvirt(node: NodeName, answer: Completed | StackmendError) -> Witness:
    name = f"libvirt@{node}"
    if isinstance(answer, StackmendError):
        return Witness(name, (), f"libvirt on {node} could not be asked", silent=answer.sentence)
    state = answer.stdout.strip()
    if state == "absent":
        return Witness(name, (), f"libvirt on {node} does not have it")
    return Witness(name, (node,), f"libvirt on {node} has it {state}")
