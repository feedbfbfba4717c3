"""Starting and rebooting instances; done only when nova has them active and libvirt runs them anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Unpack

from stackmend.actions.base import Action, Context
from stackmend.actions.diagnosis import diagnose, first_sentence
from stackmend.actions.powering import UP_SECONDS, at_rest, bring_up, how_it_is, is_up, newest_request, stop
from stackmend.actions.steps import Place
from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.bring_up import BringUp
from stackmend.domain.instance import Instance
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.values import InstanceId, JsonObject, NodeName, StepId
from stackmend.errors import Code, Failed
from stackmend.facts import instances, settings

STARTABLE = frozenset({"active", "stopped"})
SETTLE_SECONDS = 30.0


class StartInstance(Action):
    """Start one instance, or find out why it does not come up; the latter does not end the run.

    Whoever is down is named by the step that checks all of them. Parameters: instance, name, node, seconds.
    Change: see ``stackmend.domain.bring_up.BringUp``.
    """

    name: ClassVar[str] = "instance.start"

    @classmethod
    def step(cls, instance: Instance, why: str, **place: Unpack[Place]) -> Step:
        """Return the step that starts an instance."""
        title = f"Start {instance.name}, or find out why it does not come up: {why}"
        words = "reboot --hard" if instance.vm_state == "active" else "start"
        return _step(cls.name, instance, title, more={"seconds": UP_SECONDS}, words=words, place=place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Look at it as it is now, which may not be as it was planned."""
        instance = at_rest(world, InstanceId(params["instance"]), context)
        gone = _gone(instance, params)
        if gone or instance is None:
            return Skip(gone)
        before = how_it_is(world, instance.host, instance.id)
        if instance.vm_state == "active" and before.state == "running":
            return Skip(f"{instance.name} runs already")
        if instance.vm_state not in STARTABLE:
            return Skip(f"{instance.name} is {instance.vm_state} now, which a start does not change: it is left")
        order = _decided(world, instance, params, "start", before.process, context)
        return Do(order.to_json(), f"{instance.name} is {instance.vm_state}, libvirt has it {before.state or 'not'}")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Start it, or go on with a start that was begun; where it does not come up, ask why."""
        order = BringUp.from_json(change)
        why_not = bring_up(world, order, context)
        if not why_not:
            return Receipt(f"{order.name} runs on {order.node}", {"instance": order.instance, "up": True})
        cause = _cause(world, order)
        sentence = f"{order.name} did not come up: {why_not}; {cause}"
        return Receipt(sentence, {"instance": order.instance, "up": False, "why": why_not, "cause": cause})

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """Read it back where it came up."""
        return _read_back(world, BringUp.from_json(change), receipt) if receipt.data["up"] else receipt

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:
        """Stop it again where it was off before."""
        order = BringUp.from_json(change)
        instance = at_rest(world, order.instance, context)
        if instance is None or instance.vm_state != "active":
            return f"{order.name} is {instance.vm_state if instance else 'deleted'}: nothing to stop"
        state = stop(world, order)
        if not state:
            raise Failed(Code.INSTANCE_CHANGED, f"{order.name} was told to stop and still is active", hint="undo again")
        told = "" if order.vm_state == state else f"; nova had it {order.vm_state} before, and libvirt off"
        return f"{order.name} is {state} again{told}"


class RebootInstance(Action):
    """Reboot one instance, soft or hard; done when another process runs it than before.

    Parameters: instance, name, node, how (``soft`` or ``hard``), seconds.
    Change: see ``stackmend.domain.bring_up.BringUp``.
    """

    name: ClassVar[str] = "instance.reboot"

    @classmethod
    def step(cls, instance: Instance, how: str, why: str = "", **place: Unpack[Place]) -> Step:
        """Return the step that reboots an instance, soft or hard."""
        title = f"Reboot {instance.name}, {how}" + (f": {why}" if why else "")
        more = {"how": how, "seconds": UP_SECONDS}
        return _step(cls.name, instance, title, more=more, words=f"reboot --{how}", place=place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Record how it is; nova reboots softly only what runs."""
        instance = at_rest(world, InstanceId(params["instance"]), context)
        gone = _gone(instance, params)
        if gone or instance is None:
            return Skip(gone)
        before = how_it_is(world, instance.host, instance.id)
        if params["how"] == "soft" and (instance.vm_state != "active" or before.state != "running"):
            raise Failed(
                Code.INSTANCE_CHANGED,
                f"{instance.name} is {instance.vm_state}, libvirt has it {before.state or 'not'}: "
                "only what runs can be rebooted softly",
                hint="`stackmend instance diagnose` tells why it does not run",
            )
        order = _decided(world, instance, params, params["how"], before.process, context)
        return Do(order.to_json(), f"{instance.name} is {instance.vm_state}; libvirt has it {before.state or 'not'}")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Reboot it, or go on with a reboot that was begun."""
        order = BringUp.from_json(change)
        began = world.clock.monotonic()
        why_not = bring_up(world, order, context)
        if why_not:
            cause = _cause(world, order)
            raise Failed(
                Code.INSTANCE_NOT_UP,
                f"{order.name} does not run after its {order.how} reboot: {why_not}",
                hint=f"{cause}; retry reboots it again",
                evidence={"instance": order.instance, "host": order.node, "cause": cause},
            )
        seconds = world.clock.monotonic() - began
        forced = _forced(world, order, seconds)
        data: JsonObject = {"instance": order.instance, "seconds": round(seconds, 1), "forced": forced}
        return Receipt(
            f"{order.name} was rebooted {order.how}, and runs on {order.node}" + (f"; {forced}" if forced else ""), data
        )

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """Read back that it runs in another process than before."""
        return _read_back(world, BringUp.from_json(change), receipt)

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Say that there is nothing to give back."""
        return f"a reboot of {change['name']} cannot be taken back"


def _step(action: str, instance: Instance, title: str, *, more: dict[str, Any], words: str, place: Place) -> Step:
    return Step(
        id=place.get("id", StepId(f"{action.removeprefix('instance.')}/{instance.id}")),
        action=action,
        title=title,
        params={"instance": instance.id, "name": instance.name, "node": instance.host, **more},
        commands=(f"openstack server {words} {instance.id}",),
        needs=place.get("needs", ()),
        group=place.get("group", ()),
        lane=place.get("lane", ""),
    )


def _gone(instance: Instance | None, params: dict[str, Any]) -> str:
    if instance is None:
        return f"{params['name']} was deleted since the plan was made"
    if instance.host != params["node"]:
        return f"{instance.name} is on {instance.host or 'no node'} now: somebody moved it since the plan was made"
    return ""


def _decided(
    world: World, instance: Instance, params: dict[str, Any], how: str, process: str, context: Context
) -> BringUp:
    """Return the change; what an attempt before recorded of the former state stays."""
    former = BringUp.from_json(dict(context.former_change)) if context.former_change else None
    return BringUp(
        instance=instance.id,
        name=instance.name,
        node=instance.host,
        how=how,
        vm_state=former.vm_state if former else instance.vm_state,
        process=process,
        after=newest_request(world, instance.id),
        seconds=float(params["seconds"]),
    )


def _cause(world: World, order: BringUp) -> str:
    instance = patiently(world.clock, lambda: instances.get(world, order.instance))
    if instance is None:
        return "it was deleted"
    return first_sentence(diagnose(world, instance, (order.node,))[1])


def _read_back(world: World, order: BringUp, receipt: Receipt) -> Receipt:
    """Return the receipt with where it was seen to run, once nova and libvirt both say so."""

    def seen() -> NodeName | None:
        now = patiently(world.clock, lambda: instances.get(world, order.instance))
        return now.host if now is not None and not now.task_state and is_up(world, order, now) else None

    node = world.clock.wait_for(seen, timeout=SETTLE_SECONDS, interval=1.0)
    if node is None:
        raise Failed(
            Code.INSTANCE_NOT_UP,
            f"{order.name} ran, and does not any more: {_cause(world, order)}",
            hint=f"stackmend instance diagnose {order.name}",
            evidence={"instance": order.instance, "host": order.node},
        )
    process = how_it_is(world, node, order.instance).process
    return replace(receipt, data={**receipt.data, "node": node, "process": process})


def _forced(world: World, order: BringUp, seconds: float) -> str:
    """Return that nova has most probably forced a soft reboot, where it took longer than nova waits for the guest."""
    if order.how != "soft":
        return ""
    limit = float(settings.options(world, order.node).get("libvirt", "wait_soft_reboot_seconds", "120"))
    if seconds < limit:
        return ""
    return f"it took {seconds:.0f} s: the guest did not shut down in {limit:.0f} s, so nova forced it"
