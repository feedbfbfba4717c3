"""Whether nodes share the directory of the instances' disks: evidence that is read, nothing is written."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stackmend.adapters.ssh import Completed
from stackmend.adapters.world import World
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import StackmendError
from stackmend.facts.settings import instances_paths

_LOOK = r"""
cd {path} 2>/dev/null || exit 0
for id in {ids}; do
  [ -d "$id" ] || continue
  stat -c "$id directory %i %Z.%z" "$id"
  for file in disk disk.local disk.swap disk.config disk.info disk.eph*; do
    [ ! -e "$id/$file" ] || stat -c "$id $file %i" "$id/$file"
  done
done
"""
_MARKS = frozenset({"directory", "disk.info"})
"""Names that say nothing of disks: nova writes them for an instance whose disks are all elsewhere, too."""


@dataclass(frozen=True)
class _Seen:
    """An instance's directory on one node: names with inode numbers, its own with the time of its last change."""

    entries: Mapping[str, str]

    @property
    def has_disks(self) -> bool:
        return bool(self.entries.keys() - _MARKS)


def shared_instance_files(
    world: World, source: NodeName, targets: Sequence[NodeName], instances: Iterable[InstanceId]
) -> dict[NodeName, frozenset[InstanceId]]:
    """Return, for each target, the instances whose files it sees as the very files that the source sees.

    A directory is the same where its inode number, the nanosecond of its last change, and the names and inode numbers
    of all disks in it are the same on both. An instance whose directory on the source has no file of a disk (its disks
    are volumes, or in Ceph) has nothing to be copied and counts as shared with every target. A target that cannot be
    asked shares nothing.

    Args:
        world: the cloud.
        source: where the instances are.
        targets: where they may go.
        instances: their ids.

    Raises:
        Failed: the source could not be asked.
    """
    ids = sorted(instances)
    if not ids or not targets:
        return {}
    scripts = {
        node: _LOOK.format(path=shlex.quote(path), ids=" ".join(ids)) for node, path in _paths(world, source, targets)
    }
    here = parse(world.ssh.run(source, scripts.pop(source)).stdout)
    there = {node: _parsed(answer) for node, answer in world.ssh.run_many(scripts).items()}
    without_disks = frozenset(i for i, seen in here.items() if not seen.has_disks)
    return {
        target: without_disks | {i for i, seen in here.items() if there.get(target, {}).get(i) == seen}
        for target in targets
    }


def _paths(world: World, source: NodeName, targets: Iterable[NodeName]) -> list[tuple[NodeName, str]]:
    """Return the instances' directory of every node that can be asked."""
    answers = instances_paths(world, {source, *targets})
    own = answers[source]
    if isinstance(own, StackmendError):
        raise own
    return [(node, path) for node, path in answers.items() if isinstance(path, str)]


def _parsed(answer: Completed | StackmendError) -> dict[InstanceId, _Seen]:
    return {} if isinstance(answer, StackmendError) else parse(answer.stdout)


def parse(output: str) -> dict[InstanceId, _Seen]:
    """Return what was seen of each instance's directory."""
    seen: dict[InstanceId, dict[str, str]] = {}
    for line in output.splitlines():
        instance, name, mark = line.split(" ", 2)
        seen.setdefault(InstanceId(instance), {})[name] = mark
    return {instance: _Seen(entries) for instance, entries in seen.items()}
