"""See that an evacuated instance runs where it ran before, and start it where nova has left it stopped."""

from __future__ import annotations

from typing import Any, ClassVar

from stackmend.actions.base import Action, Context
from stackmend.actions.fenced import runs_not
from stackmend.adapters.patience import is_passing, patiently
from stackmend.adapters.world import World
from stackmend.domain.instance import Instance
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.run import StepState
from stackmend.domain.values import InstanceId, NodeName, StepId
from stackmend.errors import Code, Failed, StackmendError
from stackmend.facts import domains, instances

START_SECONDS = 300.0
RUN_SECONDS = 20.0
RUNNING = "running"


class RestorePower(Action):
    """Give an evacuated instance the power state that it had before.

    Parameters: instance, name, evacuated_by (the step that evacuated it). Change: instance, name, host, and
    source and fence: the node it ran on, and the step that fenced that.
    """

    name: ClassVar[str] = "instance.restore-power"

    @classmethod
    def step(cls, evacuation: Step) -> Step:
        """Return the step that follows an evacuation."""
        instance, name = evacuation.params["instance"], evacuation.params["name"]
        return Step(
            id=StepId(f"power/{instance}"),
            action=cls.name,
            title=f"Start {name} if it ran before, and see it run",
            params={"instance": instance, "name": name, "evacuated_by": evacuation.id},
            group=evacuation.group,
            commands=(f"openstack server start {instance}",),
            needs=(evacuation.id,),
            lane=evacuation.lane,
        )

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Find out how it was before, and decide to start it where it ran."""
        status, name = context.status_of(params["evacuated_by"]), params["name"]
        if status.state is not StepState.DONE or status.change is None:
            return Skip(f"{name} was not evacuated by this run, so it is not touched")
        before = str(status.change["vm_state"])
        instance = patiently(world.clock, lambda: instances.get(world, InstanceId(params["instance"])))
        if instance is None:
            return Skip(f"{name} was deleted meanwhile")
        if before != "active":
            return Skip(f"{name} was {before} before the node died, and is {instance.vm_state} now")
        fenced = {"source": status.change["source"], "fence": status.change["fence"]}
        change = {"instance": instance.id, "name": name, "host": instance.host, **fenced}
        return Do(change, f"{name} ran before the node died, and is {instance.vm_state} on {instance.host}")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Start it where it does not run; return when nova has it active."""
        instance = _current(world, change)
        if instance.vm_state != "active" and not instance.task_state:
            runs_not(world, NodeName(change["source"]), change["fence"], instance.id, context)
            _start(world, change)

        def active() -> bool | None:
            now = _current(world, change)
            context.progress(
                f"{now.name} is {now.vm_state}" + (f", nova is {now.task_state} it" * bool(now.task_state))
            )
            return True if now.vm_state == "active" and not now.task_state else None

        if world.clock.wait_for(active, timeout=START_SECONDS, interval=0.5) is None:
            raise Failed(
                Code.INSTANCE_CHANGED,
                f"{change['name']} did not start on {change['host']} within {START_SECONDS:.0f} s",
                hint=f"see `openstack server show {change['instance']}` and nova-compute's log there, then retry",
                evidence={"instance": change["instance"], "vm_state": _current(world, change).vm_state},
            )
        words = (f"POST /servers/{change['instance']}/action os-start",)
        return Receipt(f"{change['name']} runs again on {change['host']}", {"instance": change["instance"]}, words)

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """See libvirt run it."""
        node, instance = NodeName(change["host"]), InstanceId(change["instance"])

        def runs() -> bool | None:
            domain = domains.on_node(world, node).get(instance)
            return True if domain is not None and domain.state == RUNNING else None

        if world.clock.wait_for(runs, timeout=RUN_SECONDS, interval=1.0) is None:
            raise Failed(
                Code.WITNESSES_DISAGREE,
                f"nova has {change['name']} active on {node}, but libvirt there does not run it",
                hint="see the domain's log on that node; retry looks again",
                evidence={"instance": instance, "host": node},
            )
        return receipt

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Say what is left: an instance that ran before the run began is not stopped by it."""
        return f"{change['name']} is left as it is on {change['host']}: it ran before the node died"


def _current(world: World, change: dict[str, Any]) -> Instance:
    instance = patiently(world.clock, lambda: instances.get(world, InstanceId(change["instance"])))
    if instance is None:
        raise Failed(Code.INSTANCE_LOST, f"{change['name']} was deleted before it was started")
    return instance


def _start(world: World, change: dict[str, Any]) -> None:
    try:
        world.openstack.post("compute", f"/servers/{change['instance']}/action", {"os-start": None}, version="2.80")
    except StackmendError as error:
        # asked for twice, as after a kill: nova is already starting it
        if error.code is not Code.API_CONFLICT and not is_passing(error):
            raise
