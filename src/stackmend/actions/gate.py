"""Let a forced request through to a node whose scheduling is disabled, and nothing else.

A disabled node carries placement's trait COMPUTE_STATUS_DISABLED, and nova's scheduler asks placement for nodes without
it before it looks at anything: neither ``availability_zone: ZONE:HOST`` nor ``host`` (microversion 2.74) gets past it.
So the trait is taken away while the canary is scheduled. Other requests still do not land there: nova's ComputeFilter
turns a disabled service down by the service record itself, and only a host forced by ``ZONE:HOST`` passes the filters
by (nova/scheduler/host_manager.py, get_filtered_hosts). What a kill leaves open nova itself closes: nova-compute writes
the trait anew in its periodic update of the provider.
"""

from __future__ import annotations

from typing import Any

from stackmend.adapters.world import World
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Failed, StackmendError
from stackmend.facts import hypervisors

TRIES_SECONDS = 15.0
"""How long to try anew where nova changed the provider between our reading and writing."""


def open_for_forced(world: World, node: NodeName) -> bool:
    """Take the trait away; return whether it was there.

    Raises:
        Failed: nova-api or placement could not be asked, or the provider changed all the time.
    """
    return _set(world, node, wanted=False)


def close(world: World, node: NodeName) -> bool:
    """Give the trait back where nova has the service disabled; return whether that was needed.

    Raises:
        Failed: as above.
    """
    params = {"binary": "nova-compute", "host": node}
    found = world.openstack.get("compute", "/os-services", version="2.53", params=params)["services"]
    return bool(found) and found[0]["status"] == "disabled" and _set(world, node, wanted=True)


def _set(world: World, node: NodeName, *, wanted: bool) -> bool:
    provider = hypervisors.uuid(world, node)
    if provider is None:
        return False

    def written() -> bool | None:
        traits, generation = hypervisors.traits(world, provider)
        if (hypervisors.DISABLED_TRAIT in traits) == wanted:
            return False
        changed = traits ^ {hypervisors.DISABLED_TRAIT}
        return _put(world, provider, sorted(changed), generation)

    changed = world.clock.wait_for(written, timeout=TRIES_SECONDS, interval=0.5)
    if changed is None:
        raise Failed(
            Code.API_CONFLICT,
            f"placement's provider of {node} changed between each reading and writing",
            hint="retry",
            evidence={"provider": provider},
        )
    return changed


def _put(world: World, provider: str, traits: list[str], generation: int) -> bool | None:
    """Write the traits; None where the generation is outdated."""
    body: dict[str, Any] = {"resource_provider_generation": generation, "traits": traits}
    path = f"/resource_providers/{provider}/traits"
    try:
        world.openstack.put("placement", path, version=hypervisors.TRAITS_VERSION, json=body)
    except StackmendError as error:
        if error.code is Code.API_CONFLICT:
            return None
        raise
    return True
