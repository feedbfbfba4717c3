"""A round trip over RPC: nova-api calls that very nova-compute, and it answers."""

from __future__ import annotations

from stackmend.adapters.world import World
from stackmend.domain.health import RpcAnswer
from stackmend.domain.values import NodeName
from stackmend.errors import Code, StackmendError
from stackmend.facts import hypervisors

VERSION = "2.87"
"""The last microversion with ``GET /os-hypervisors/{id}/uptime``, which nova-api answers by the RPC call
``get_host_uptime`` (nova/compute/api.py, HostAPI). From 2.88 on the figure stands in the hypervisor's details, where a
cached or missing one hides an RPC that failed."""


def uptime(world: World, node: NodeName, *, timeout: float = 20.0) -> RpcAnswer:
    """Return what a node's nova-compute answers over RPC when it is asked for its uptime.

    Args:
        world: the cloud.
        node: the compute node.
        timeout: seconds; nova's own (``rpc_response_timeout``) is 60.

    Raises:
        Failed: nova-api could not be reached.
    """
    started = world.clock.monotonic()
    hypervisor = hypervisors.uuid(world, node)
    if hypervisor is None:
        return RpcAnswer(0.0, error=f"nova has no hypervisor on {node}")
    try:
        path = f"/os-hypervisors/{hypervisor}/uptime"
        found = world.openstack.get("compute", path, version=VERSION, timeout=timeout)
    except StackmendError as error:
        if error.code in {Code.AUTH_FAILED, Code.TOKEN_EXPIRED}:
            raise
        seconds = world.clock.monotonic() - started
        return RpcAnswer(seconds, error=error.sentence, request_id=error.evidence.get("request id", ""))
    return RpcAnswer(world.clock.monotonic() - started, answer=str(found["hypervisor"]["uptime"]).strip())
