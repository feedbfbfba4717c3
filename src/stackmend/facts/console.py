"""What an instance has written to its serial console, by nova or from its node."""

from __future__ import annotations

import shlex

from stackmend.adapters.world import World
from stackmend.domain.instance import Instance
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, Refused, StackmendError
from stackmend.facts import instances, nova_database, settings

MICROVERSION = "2.80"
MOST_BYTES = 1 << 20
"""What is read of a log at once."""


def by_nova(world: World, instance: InstanceId, lines: int) -> str:
    """Return the last lines of a console log by nova's API.

    Raises:
        Failed: nova could not be asked, or has none of it.
    """
    request = {"os-getConsoleOutput": {"length": lines}}
    answer = world.openstack.post("compute", f"/servers/{instance}/action", request, version=MICROVERSION)
    return str(answer.get("output") or "")


def path(world: World, node: NodeName, instance: InstanceId) -> str:
    """Return the path of a console log on its node.

    Raises:
        Failed: the node could not be asked.
    """
    return f"{settings.instances_path(world, node)}/{instance}/console.log"


def size(world: World, node: NodeName, file: str) -> int:
    """Return the bytes of a console log; 0 where there is none.

    Raises:
        Failed: the node could not be asked.
    """
    return int(world.ssh.run(node, f"stat -c %s {shlex.quote(file)} 2>/dev/null || echo 0").stdout)


def last_lines(world: World, node: NodeName, file: str, lines: int) -> str:
    """Return the last lines of a console log on its node.

    Raises:
        Failed: the node could not be asked, or has no such file.
    """
    return world.ssh.run(node, f"tail -n {lines} {shlex.quote(file)} | tail -c {MOST_BYTES}").stdout


def since(world: World, node: NodeName, file: str, start: int, end: int) -> str:
    """Return the bytes ``start`` to ``end`` of a console log, as text.

    Raises:
        Failed: the node could not be asked.
    """
    return world.ssh.run(node, f"tail -c +{start + 1} {shlex.quote(file)} | head -c {end - start}").stdout


def find(world: World, name_or_id: str) -> Instance:
    """Return the instance that a person means, by nova's API, or by its database where that does not answer.

    Raises:
        Refused: INSTANCE_UNKNOWN where there is none, or more than one of that name.
        Failed: neither could be asked.
    """
    try:
        return instances.resolve(world, name_or_id)
    except Refused:
        raise
    except StackmendError as error:
        found = [i for i in _recorded(world, error) if name_or_id in {i.id, i.name}]
        if len(found) == 1:
            return found[0]
        count = f"{len(found)} instances" if found else "no instance"
        raise Refused(
            Code.INSTANCE_UNKNOWN, f"nova's database has {count} of the name {name_or_id}", hint="name it by its id"
        ) from error


def _recorded(world: World, error: StackmendError) -> tuple[Instance, ...]:
    """Return what the database has; where it cannot be asked either, the API's error is the one to be told."""
    try:
        return nova_database.instances(world)
    except StackmendError:
        raise error from None
