"""Which instances are started, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stackmend.domain.instance import Domain, Instance
from stackmend.domain.values import InstanceId, NodeName
from stackmend.rules.priority import priority


@dataclass(frozen=True)
class Wanted:
    """An instance that is to be started, and why; the reason is a clause without its name."""

    instance: Instance
    why: str


def in_order(wanted: Iterable[Wanted], order: str) -> tuple[Wanted, ...]:
    """Return them as they are to be started.

    Args:
        wanted: what is to be started.
        order: ``priority`` (then by name) or ``name``.
    """
    by_name = sorted(wanted, key=lambda w: (w.instance.name, w.instance.id))
    return tuple(sorted(by_name, key=lambda w: -priority(w.instance.metadata)) if order == "priority" else by_name)


def run_elsewhere(
    instances: Iterable[Instance], seen: Mapping[NodeName, Mapping[InstanceId, Domain]]
) -> dict[InstanceId, str]:
    """Return why instances must not be started: another node than nova's runs them, and then they would run twice.

    Args:
        instances: what is to be started.
        seen: the domains of every node that could be asked.
    """
    found = {}
    for instance in instances:
        places = [
            node
            for node, domains in seen.items()
            if node != instance.host and instance.id in domains and domains[instance.id].is_active
        ]
        if places:
            found[instance.id] = f"nova has it on {instance.host}, but it runs on {' and '.join(sorted(places))}"
    return found
