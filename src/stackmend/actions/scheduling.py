"""Take a compute node out of the scheduler's choice, and give back exactly what was before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from stackmend.actions.base import Action, Context
from stackmend.actions.steps import Place, on_node
from stackmend.adapters.world import World
from stackmend.domain.instance import ComputeService
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.values import NodeName, StepId
from stackmend.errors import Code, Failed
from stackmend.facts import hypervisors, services
from stackmend.rules.scheduling import Scheduling, counted, mark, why_left

VERSION = "2.53"
"""First microversion with ``PUT /os-services/{id}`` by UUID."""

TRAIT_SECONDS = 20.0
"""How long placement's trait may take to follow: nova-api calls nova-compute, which writes it."""


class DisableScheduling(Action):
    """Disable a node's nova-compute for the scheduler, with a reason that names the run.

    What an operator had disabled before stays as it is, with the operator's reason. Parameters: node, reason.
    Change: node, service, former, made.
    """

    name = "scheduling.disable"

    @classmethod
    def step(cls, node: NodeName, reason: str, **place: Unpack[Place]) -> Step:
        """Return the step that disables scheduling on a node for a reason."""
        words = f'openstack compute service set --disable --disable-reason "{mark("RUN", reason)}" {node} nova-compute'
        params = {"node": node, "reason": reason}
        return on_node(cls.name, f"Disable scheduling on {node}", params, (words,), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Record how the scheduling is; decide to leave it where it is disabled already."""
        record = services.compute_service(world, params["node"])
        earlier = context.former_change
        former = counted(_scheduling(record)) if earlier is None else _recorded(earlier, "former")
        made = Scheduling(enabled=False, reason=mark(context.run_id, params["reason"]))
        sentence = f"scheduling on {params['node']} is {_scheduling(record).sentence}"
        if not former.enabled:
            made, sentence = former, f"{sentence} already and stays so"
        change = {
            "node": params["node"],
            "service": record.id,
            "former": former.to_json(),
            "made": made.to_json(),
        }
        return Do(change, sentence)

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:  # noqa: ARG002
        """Disable it, or do nothing where it was disabled before."""
        former, made = Scheduling.from_json(change["former"]), Scheduling.from_json(change["made"])
        if made == former:
            return Receipt(f"left {change['node']} {former.sentence}", {"former": change["former"]})
        _put(world, change["service"], made)
        return Receipt(f"disabled scheduling on {change['node']}", {"former": change["former"]}, _words(change, made))

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """Read it back from nova, and see whether placement's trait follows."""
        record = services.compute_service(world, change["node"])
        now, made = _scheduling(record), Scheduling.from_json(change["made"])
        if now.enabled:
            raise Failed(
                Code.API_CONFLICT,
                f"scheduling on {change['node']} is enabled again, although it was disabled just now",
                hint="somebody or something enables it: find out who, then retry",
                evidence={"host": change["node"], "wanted": made.sentence},
            )
        return _with_trait(world, record, receipt, wanted=True)

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Give back what was recorded, unless somebody has decided otherwise meanwhile."""
        former, made = Scheduling.from_json(change["former"]), Scheduling.from_json(change["made"])
        return _give_back(world, change, former, made)


class RestoreScheduling(Action):
    """Give a node's scheduling back as it was before a step disabled it.

    Parameters: node, and ``step`` (id of the step of this run that disabled it) or ``former`` and ``made`` (as that
    step's change records them, from another run). Change: node, service, former, made.
    """

    name = "scheduling.restore"

    @classmethod
    def step(cls, node: NodeName, disabled_by: StepId, **place: Unpack[Place]) -> Step:
        """Return the step that gives back what ``disabled_by``, a step of the same run, changed."""
        return cls._step(node, {"node": node, "step": disabled_by}, **place)

    @classmethod
    def step_from(cls, node: NodeName, change: Mapping[str, Any], **place: Unpack[Place]) -> Step:
        """Return the step that gives back what another run's journaled ``change`` recorded."""
        return cls._step(node, {"node": node, "former": change["former"], "made": change["made"]}, **place)

    @classmethod
    def _step(cls, node: NodeName, params: dict[str, Any], **place: Unpack[Place]) -> Step:
        words = f"openstack compute service set --enable {node} nova-compute"
        return on_node(cls.name, f"Give the scheduling on {node} back as it was", params, (words,), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Find what was recorded; skip where there is nothing to give back, or somebody else has decided."""
        recorded = context.status_of(params["step"]).change if "step" in params else params
        if recorded is None:
            return Skip(f"this run did not touch the scheduling on {params['node']}")
        former, made = _recorded(recorded, "former"), _recorded(recorded, "made")
        record = services.compute_service(world, params["node"])
        left = why_left(former, made, _scheduling(record))
        if left:
            return Skip(f"scheduling on {params['node']} is left: {left}")
        change = {
            "node": params["node"],
            "service": record.id,
            "former": former.to_json(),
            "made": made.to_json(),
        }
        return Do(change, f"scheduling on {params['node']} becomes {former.sentence}, as before")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:  # noqa: ARG002
        """Write the former state."""
        former = Scheduling.from_json(change["former"])
        _put(world, change["service"], former)
        sentence = f"scheduling on {change['node']} is {former.sentence} again"
        return Receipt(sentence, {"former": change["former"]}, _words(change, former))

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """Read it back from nova, and see whether placement's trait follows."""
        record = services.compute_service(world, change["node"])
        now, former = _scheduling(record), Scheduling.from_json(change["former"])
        if (now.enabled, now.reason) != (former.enabled, former.reason):
            raise Failed(
                Code.API_CONFLICT,
                f"scheduling on {change['node']} is {now.sentence}, not {former.sentence} as it was given back",
                hint="somebody or something changed it meanwhile: find out who, then retry or skip",
                evidence={"host": change["node"], "wanted": former.sentence, "found": now.sentence},
            )
        return _with_trait(world, record, receipt, wanted=not former.enabled)

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Put back what was there before it was given back."""
        former, made = Scheduling.from_json(change["former"]), Scheduling.from_json(change["made"])
        return _give_back(world, change, made, former)


def _scheduling(record: ComputeService) -> Scheduling:
    return Scheduling(record.enabled, record.reason, record.forced_down)


def _recorded(recorded: Mapping[str, Any], key: str) -> Scheduling:
    return Scheduling.from_json(recorded[key])


def _words(change: Mapping[str, Any], wanted: Scheduling) -> tuple[str, ...]:
    verb = "--enable" if wanted.enabled else f'--disable --disable-reason "{wanted.reason}"'
    return (f"openstack compute service set {verb} {change['node']} nova-compute",)


def _put(world: World, service: str, wanted: Scheduling) -> None:
    """Write status and reason; ``forced_down`` is fencing's affair and stays."""
    body: dict[str, Any] = {"status": "enabled" if wanted.enabled else "disabled"}
    if not wanted.enabled and wanted.reason:
        body["disabled_reason"] = wanted.reason
    world.openstack.put("compute", f"/os-services/{service}", version=VERSION, json=body)


def _give_back(world: World, change: dict[str, Any], target: Scheduling, made: Scheduling) -> str:
    """Make it ``target`` where it still is as ``made``; return a sentence."""
    left = why_left(target, made, _scheduling(services.compute_service(world, change["node"])))
    if left:
        return f"scheduling on {change['node']} is left: {left}"
    _put(world, change["service"], target)
    return f"scheduling on {change['node']} is {target.sentence} again"


def _with_trait(world: World, record: ComputeService, receipt: Receipt, *, wanted: bool) -> Receipt:
    """Add to a receipt whether placement's COMPUTE_STATUS_DISABLED follows.

    It is a witness, not a condition: nova's ComputeFilter asks the service record itself, and a nova-compute that is
    down writes the trait when it starts (nova/compute/api.py, _update_compute_provider_status).
    """
    if not record.up:
        note = "placement's COMPUTE_STATUS_DISABLED follows when nova-compute starts"
        return Receipt(f"{receipt.sentence}; {note}", {**receipt.data, "trait": None}, receipt.commands)

    def follows() -> bool | None:
        return hypervisors.has_disabled_trait(world, record.host) == wanted or None

    if world.clock.wait_for(follows, timeout=TRAIT_SECONDS, interval=1.0):
        return Receipt(receipt.sentence, {**receipt.data, "trait": wanted}, receipt.commands)
    note = f"placement's COMPUTE_STATUS_DISABLED did not follow within {TRAIT_SECONDS:.0f} s"
    return Receipt(f"{receipt.sentence}; {note}", {**receipt.data, "trait": not wanted}, receipt.commands)
