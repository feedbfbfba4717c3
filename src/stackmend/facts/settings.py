"""Options of a node's nova-compute, as oslo.config reads them there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from stackmend.adapters import oslo_config
from stackmend.adapters.world import World
from stackmend.domain.instance_files import Cache
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Failed, StackmendError
from stackmend.facts.concurrently import each

STATE_PATH = "/var/lib/nova"


def options(world: World, node: NodeName) -> oslo_config.Options:
    """Return all options that the node's configuration files set.

    Raises:
        Failed: the node could not be asked.
    """
    return oslo_config.parse(world.ssh.run(node, oslo_config.reading_script("nova-compute")).stdout)


def max_concurrent_live_migrations(world: World, node: NodeName) -> int:
    """Return how many live migrations may leave a node at once; 0 means no limit.

    Source: nova's ``[DEFAULT] max_concurrent_live_migrations``, whose default is 1; nova takes negative ones for 0.

    Raises:
        Failed: the node could not be asked, or the value is no number.
    """
    value = options(world, node).get("DEFAULT", "max_concurrent_live_migrations", "1")
    try:
        return max(0, int(value))
    except ValueError as error:
        sentence = f"nova's max_concurrent_live_migrations on {node} is no number: {value}"
        raise Failed(Code.COMMAND_FAILED, sentence, evidence={"host": node}) from error


def instances_path(world: World, node: NodeName) -> str:
    """Return the directory of the instances' disks on a node.

    Raises:
        Failed: the node could not be asked.
    """
    return path_of_instances(options(world, node))


def path_of_instances(found: oslo_config.Options) -> str:
    """Return the directory of the instances' disks that a node's options name."""
    state = found.get("DEFAULT", "state_path", STATE_PATH)
    return found.get("DEFAULT", "instances_path", f"{state}/instances")


def instances_paths(world: World, nodes: Iterable[NodeName]) -> dict[NodeName, str | StackmendError]:
    """Return the directory of the instances' disks on each of many nodes; a node's error is its answer."""

    def ask(node: NodeName) -> str | StackmendError:
        try:
            return instances_path(world, node)
        except StackmendError as error:
            return error

    return each(ask, nodes)


def image_cache(world: World, node: NodeName) -> Cache:
    """Return how the node's nova-compute treats unused files of its image cache; defaults are nova's (2025.1).

    Raises:
        Failed: the node could not be asked.
    """
    found = options(world, node)

    def value(name: str, old: str, default: str) -> str:
        return found.get("image_cache", name, found.get("DEFAULT", old, default))

    removes = value("remove_unused_base_images", "remove_unused_base_images", "true").lower()
    interval = value("manager_interval", "image_cache_manager_interval", "2400")
    name = "remove_unused_original_minimum_age_seconds"
    age = value(name, name, "86400")
    return Cache(
        expires=removes in {"true", "1", "yes", "on"} and not interval.startswith("-"),
        age=timedelta(seconds=int(age)) if age.isdigit() else Cache().age,
    )
