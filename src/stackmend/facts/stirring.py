"""Whether a silent node's instances still write, seen by other nodes that share the directory of their disks."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from stackmend.adapters.ssh import Completed
from stackmend.adapters.world import World
from stackmend.domain.death import Stir
from stackmend.domain.node import Role
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import StackmendError
from stackmend.facts import instances, nova_database
from stackmend.facts.concurrently import each
from stackmend.facts.settings import instances_path

NEIGHBOURS = 16
"""Compute nodes that are asked at most."""

INSTANCES = 50
"""Instances whose files are looked at at most."""

LOOKS = 3
"""Different states of one file that are life. The first change may be an old one: NFS shows what it remembers for a
while, and looks again only then."""

_LOOK = r"""
cd {path} 2>/dev/null || exit 0
look() {{ for id in {ids}; do stat -c '%n %s %.9Y' "$id/console.log" "$id"/disk* 2>/dev/null; done; }}
last=$(look)
[ -n "$last" ] || exit 0
echo "$last"
n=0 changes=0
while [ $n -lt {seconds} ] && [ $changes -lt 6 ]; do
  sleep 1
  n=$((n + 1)) now=$(look)
  [ "$now" = "$last" ] || {{ echo "$now"; last=$now changes=$((changes + 1)); }}
done
true
"""


def stirs(world: World, node: NodeName, seconds: int) -> tuple[Stir, ...]:
    """Return what each compute node that sees files of the node's instances says of them.

    Only instances count that nova has on the node and does nothing with: others may be written to by another node.

    Args:
        world: the cloud.
        node: the silent one.
        seconds: how long the files are looked at.
    """
    try:
        ids = _resting_there(world, node)
    except StackmendError as error:
        return (Stir("storage", None, silent=error.sentence),)
    nodes = [n.name for n in world.inventory.with_role(Role.COMPUTE) if n.name != node][:NEIGHBOURS]
    if not ids or not nodes:
        return ()
    paths = {neighbour: path for neighbour, path in each(lambda n: _path(world, n), nodes).items() if path}
    scripts = {
        neighbour: _LOOK.format(path=shlex.quote(path), ids=" ".join(ids), seconds=seconds)
        for neighbour, path in paths.items()
    }
    answers = world.ssh.run_many(scripts, timeout=2 * seconds + 10)
    return tuple(_stirs(answers.items()))


def _resting_there(world: World, node: NodeName) -> list[InstanceId]:
    try:
        found = instances.on_node(world, node)
    except StackmendError:
        found = tuple(one for one in nova_database.instances(world) if one.host == node)
    return [one.id for one in found if not one.task_state][:INSTANCES]


def _path(world: World, node: NodeName) -> str:
    """Return where a node has its instances' disks; empty where it cannot be asked: it is no witness then."""
    try:
        return instances_path(world, node)
    except StackmendError:
        return ""


def _stirs(answers: Iterable[tuple[NodeName, Completed | StackmendError]]) -> Iterator[Stir]:
    for neighbour, answer in answers:
        name = f"storage from {neighbour}"
        if isinstance(answer, StackmendError):
            yield Stir(name, None, silent=answer.sentence)
        elif answer.stdout.strip():
            written = parse(answer.stdout)
            says = (
                f"{', '.join(written[:3])} is written to" if written else "nothing is written to its instances' files"
            )
            yield Stir(name, bool(written), says)


def parse(output: str) -> list[str]:
    """Return the files that went on changing, by the lines ``NAME SIZE TIME`` of several looks."""
    states: dict[str, set[str]] = {}
    for line in output.splitlines():
        name, _, state = line.partition(" ")
        states.setdefault(name, set()).add(state)
    return sorted(name for name, seen in states.items() if len(seen) >= LOOKS)
