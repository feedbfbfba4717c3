"""Having nova start or reboot an instance, once, and following it until it runs anew or is known not to.

Every function may be called again after a kill at any point: nova's own list of actions tells what has been asked for
since the change was decided, so nothing is asked for twice.
"""

from __future__ import annotations

from typing import Any

from stackmend.actions.base import Context
from stackmend.adapters.patience import is_passing, patiently
from stackmend.adapters.world import World
from stackmend.domain.bring_up import BringUp
from stackmend.domain.instance import Instance, InstanceAction, PowerState
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, StackmendError
from stackmend.facts import instance_actions, instances
from stackmend.facts.processes import Running, running

VERSION = "2.80"
UP_SECONDS = 300.0
"""How long an instance may take; nova alone waits two minutes for a guest that is to shut down."""
REST_SECONDS = 60.0
STOP_SECONDS = 120.0

_VERBS = frozenset({"start", "reboot"})
_AWAY = frozenset({Code.SSH_UNREACHABLE, Code.COMMAND_LOST, Code.COMMAND_TIMEOUT, Code.COMMAND_FAILED})


def at_rest(world: World, instance: InstanceId, context: Context) -> Instance | None:
    """Return an instance when nova works on it no more, or as it is after a minute; None where it is deleted."""
    last: list[Instance | None] = []

    def look() -> bool | None:
        current = patiently(world.clock, lambda: instances.get(world, instance))
        last[:] = [current]
        if current is None or not current.task_state:
            return True
        context.progress(f"waiting until nova has ended {current.task_state} of {current.name}")
        return None

    world.clock.wait_for(look, timeout=REST_SECONDS, interval=1.0)
    return last[0]


def newest_request(world: World, instance: InstanceId) -> str:
    """Return the request id of what was done last with an instance; empty for nothing."""
    actions = patiently(world.clock, lambda: instance_actions.recent(world, instance))
    return actions[0].request if actions else ""


def how_it_is(world: World, node: NodeName, instance: InstanceId) -> Running:
    """Return how its domain is; one of a node that cannot be asked now is in no state."""
    try:
        return running(world, node, instance)
    except StackmendError as error:
        if error.code not in _AWAY:
            raise
        return Running()


def bring_up(world: World, order: BringUp, context: Context) -> str:
    """Start or reboot an instance, and return when it runs; empty then, or why it does not.

    It runs where nova has it active and works on it no more, and libvirt runs it in another process than before.
    """
    refused: list[str] = []

    def ended() -> str | None:
        now = patiently(world.clock, lambda: instances.get(world, order.instance))
        if now is None:
            return "it was deleted"
        asked = _asked(world, order)
        if now.task_state:
            context.progress(f"nova is {now.task_state} {order.name}")
            return None
        if asked is None:
            refused[:] = [_ask(world, order, now)]
            return None
        if asked.failed:
            return _failure(world, order)
        return "" if is_up(world, order, now) else None

    answer = world.clock.wait_for(ended, timeout=order.seconds, interval=1.0)
    if answer is not None:
        return answer
    why = f"; nova would not: {refused[0]}" if refused and refused[0] else ""
    return f"it does not run after {order.seconds:.0f} s{why}"


def is_up(world: World, order: BringUp, now: Instance) -> bool:
    """Return whether an instance runs in another process than before, by nova and by libvirt."""
    if now.vm_state != "active" or now.power_state is not PowerState.RUNNING:
        return False
    domain = how_it_is(world, now.host, order.instance)
    return domain.state == "running" and bool(domain.process) and domain.process != order.process


def stop(world: World, order: BringUp) -> str:
    """Stop an instance that runs; return how it is then."""

    def stopped() -> str | None:
        now = patiently(world.clock, lambda: instances.get(world, order.instance))
        if now is None:
            return "deleted"
        if not now.task_state and now.vm_state == "active":
            _send(world, order.instance, {"os-stop": None})
        return None if now.task_state or now.vm_state == "active" else now.vm_state

    return world.clock.wait_for(stopped, timeout=STOP_SECONDS, interval=1.0) or ""


def _asked(world: World, order: BringUp) -> InstanceAction | None:
    """Return the newest start or reboot that is younger than the decision; None where there is none."""
    for action in patiently(world.clock, lambda: instance_actions.recent(world, order.instance)):
        if action.request == order.after:
            return None
        if action.verb in _VERBS:
            return action
    return None


def _ask(world: World, order: BringUp, now: Instance) -> str:
    """Ask nova; return why it would not now, empty where it took the request."""
    if order.how == "start" and now.vm_state == "stopped":
        request: dict[str, Any] = {"os-start": None}
    else:
        # what nova has active and libvirt has off cannot be started but by a hard reboot
        request = {"reboot": {"type": "SOFT" if order.how == "soft" else "HARD"}}
    return _send(world, order.instance, request)


def _send(world: World, instance: InstanceId, request: dict[str, Any]) -> str:
    try:
        world.openstack.post("compute", f"/servers/{instance}/action", request, version=VERSION)
    except StackmendError as error:
        # the answer may be lost and not the request; a conflict may pass; both are looked at anew
        if not is_passing(error) and error.code is not Code.API_CONFLICT:
            raise
        return error.sentence
    return ""


def _failure(world: World, order: BringUp) -> str:
    reason = instance_actions.last_failure(world, order.instance, _VERBS)
    details = f": {reason.details}" if reason is not None and reason.details else ""
    return f"nova failed to bring it up{details}"
