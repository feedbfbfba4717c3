"""Suspend an instance so that its disks can be read, and give it back: running, by nova and by libvirt."""

from __future__ import annotations

from typing import Any, Unpack

from stackmend.actions import rescue_node
from stackmend.actions.base import Action, Context
from stackmend.actions.steps import Place, on_node
from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.instance import Domain, Instance
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.rescue import Guarded, Way
from stackmend.domain.values import JsonObject, StepId
from stackmend.errors import Code, Failed
from stackmend.facts import domains, instances
from stackmend.rules.rescue import way_back

SUSPEND_SECONDS = 600.0
"""Writing the memory of a large instance to a slow disk takes minutes."""

RESUME_SECONDS = 600.0


class SuspendInstance(Action):
    """Suspend an active instance by nova's API, and see by libvirt that it does not run and its memory is saved.

    Parameters and change: node, instance, name.
    """

    name = "rescue.suspend"

    @classmethod
    def step(cls, guarded: Guarded, **place: Unpack[Place]) -> Step:
        """Return the step that suspends it."""
        command = f"openstack server suspend {guarded.instance}"
        return on_node(cls.name, f"Suspend {guarded.name}", dict(guarded.to_json()), (command,), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Fail where it is not active, unless an earlier attempt of this step has begun."""
        guarded = Guarded.of(params)
        instance, _ = _look(world, guarded)
        if context.former_change is None and (instance.vm_state != "active" or instance.task_state):
            raise _changed(instance, "it was to be suspended")
        return Do(params, f"{guarded.name} is {instance.vm_state}; it is suspended")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Tell the guard, ask nova, and wait until libvirt has saved it."""
        guarded = Guarded.of(change)
        rescue_node.mark_suspending(world, guarded)
        instance, _ = _look(world, guarded)
        started = world.clock.monotonic()
        if instance.vm_state == "active" and not instance.task_state:
            _act(world, guarded, {"suspend": None})
        _wait_suspended(world, guarded, context)
        seconds = world.clock.monotonic() - started
        data: JsonObject = {"seconds": round(seconds, 1), "at": world.clock.now().isoformat()}
        return Receipt(f"{guarded.name} is suspended after {seconds:.0f} s", data, ("openstack server suspend",))

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:
        """Give it back."""
        return give_back(world, Guarded.of(change), context)


class GiveBack(Action):
    """Have a suspended instance run again, and nova know that it does.

    Where the node's guard has started it, nova's record is made to say so. Parameters: node, instance, name, step (id
    of the step that suspended it; empty where another run did). Change: node, instance, name.
    """

    name = "rescue.resume"

    @classmethod
    def step(cls, guarded: Guarded, suspended_by: StepId, **place: Unpack[Place]) -> Step:
        """Return the step that gives it back."""
        command = f"openstack server resume {guarded.instance}"
        params = {**guarded.to_json(), "step": suspended_by}
        return on_node(cls.name, f"Resume {guarded.name}", params, (command,), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Skip where nobody's rescue has suspended it."""
        guarded = Guarded.of(params)
        ours = context.status_of(params["step"]).change is not None if params["step"] else _marked(world, guarded)
        if not ours:
            return Skip(f"no rescue has suspended {guarded.name}")
        return Do(dict(guarded.to_json()), f"{guarded.name} is to run again")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Let nova resume it; or make nova's record right where the guard has."""
        return Receipt(give_back(world, Guarded.of(change), context), {}, ("openstack server resume",))

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """See that it runs, by nova and by libvirt."""
        guarded = Guarded.of(change)
        instance, domain = _look(world, guarded)
        if way_back(instance, domain) is not Way.DONE or domain is None or domain.state != "running":
            raise _not_back(guarded, instance, domain)
        return receipt


def give_back(world: World, guarded: Guarded, context: Context) -> str:
    """Have the instance run again, by nova and by libvirt; return a sentence. May be repeated.

    Raises:
        Failed: INSTANCE_NOT_RESUMED; the guard stays armed.
    """
    if patiently(world.clock, lambda: instances.get(world, guarded.instance)) is None:
        return f"{guarded.name} was deleted meanwhile"
    rescue_node.extend(world, guarded)
    tried: set[Way] = set()
    last: list[tuple[Instance, Domain | None]] = []

    def back() -> Way | None:
        last[:] = [_look(world, guarded)]
        way = way_back(*last[0])
        if way in {Way.DONE, Way.LOST}:
            return way
        context.progress(f"{guarded.name}: {way.value}")
        if way is not Way.WAIT and way not in tried:
            tried.add(way)
            _help(world, guarded, way)
        return None

    if world.clock.wait_for(back, timeout=RESUME_SECONDS, interval=1.0) is not Way.DONE:
        raise _not_back(guarded, *last[0])
    how = "; its node had given it back, and nova's record says so now" if Way.RECORD in tried else ""
    return f"{guarded.name} runs again, by nova and by libvirt{how}"


def _help(world: World, guarded: Guarded, way: Way) -> None:
    if way is Way.RESUME:
        _act(world, guarded, {"resume": None})
    elif way is Way.RECORD:
        _act(world, guarded, {"os-resetState": {"state": "active"}})
    else:
        rescue_node.start_guard(world, guarded)


def _act(world: World, guarded: Guarded, action: JsonObject) -> None:
    try:
        world.openstack.post("compute", f"/servers/{guarded.instance}/action", json=action)
    except Failed as error:
        # nova was at work, or somebody else was quicker: what is so now is looked at again
        if error.code is not Code.API_CONFLICT:
            raise


def _look(world: World, guarded: Guarded) -> tuple[Instance, Domain | None]:
    """Return the instance by nova, then by libvirt.

    Raises:
        Failed: INSTANCE_LOST, INSTANCE_MOVED.
    """
    instance = patiently(world.clock, lambda: instances.get(world, guarded.instance))
    if instance is None:
        raise Failed(Code.INSTANCE_LOST, f"{guarded.name} was deleted meanwhile", hint="undo the run, or skip the step")
    if instance.host != guarded.node:
        raise Failed(
            Code.INSTANCE_MOVED,
            f"{guarded.name} is on {instance.host} now, not on {guarded.node}",
            evidence={"host": guarded.node, "instance": guarded.instance},
        )
    return instance, domains.on_node(world, guarded.node).get(guarded.instance)


def _wait_suspended(world: World, guarded: Guarded, context: Context) -> None:
    last: list[Instance] = []

    def suspended() -> bool | None:
        instance, domain = _look(world, guarded)
        last[:] = [instance]
        context.progress(f"{guarded.name} is {instance.vm_state} {instance.task_state}".rstrip())
        if instance.task_state:
            return None
        return instance.vm_state == "suspended" and domain is not None and domain.saved and not domain.is_active

    if not world.clock.wait_for(suspended, timeout=SUSPEND_SECONDS, interval=1.0):
        raise _changed(last[0], "nova did not suspend it")


def _marked(world: World, guarded: Guarded) -> bool:
    return rescue_node.state(world, guarded).suspending


def _changed(instance: Instance, what: str) -> Failed:
    return Failed(
        Code.INSTANCE_CHANGED,
        f"{instance.name} is {instance.vm_state} {instance.task_state}".rstrip() + f": {what}",
        hint="look at its last action: openstack server event list " + instance.id,
        evidence={"instance": instance.id, "fault": instance.fault},
    )


def _not_back(guarded: Guarded, instance: Instance, domain: Domain | None) -> Failed:
    seen = "nothing" if domain is None else domain.state + (", saved" if domain.saved else "")
    return Failed(
        Code.INSTANCE_NOT_RESUMED,
        f"{guarded.name} is {instance.vm_state} {instance.task_state}".rstrip() + f" by nova, and {seen} by libvirt",
        hint=f"{guarded.node} goes on trying by itself when the limit has passed; look at its nova-compute, then retry",
        evidence={"host": guarded.node, "instance": guarded.instance, "fault": instance.fault},
    )
