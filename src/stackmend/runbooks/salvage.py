"""Salvage a node that is offline for nova: prove it, copy its instances' files, bring them up on another node."""

from __future__ import annotations

from dataclasses import asdict, replace

from stackmend.actions.evacuation import EvacuateInstance
from stackmend.actions.fencing import FenceNode
from stackmend.actions.forcing import ForceDown
from stackmend.actions.power_state import RestorePower
from stackmend.actions.quieting import QuietNode
from stackmend.actions.recovered import CheckRecovered
from stackmend.actions.salvage_aside import SetAside
from stackmend.actions.salvage_copying import ClearStaging, CopyBase, CopyFiles, StageSalvage
from stackmend.actions.salvage_placing import PlaceFiles
from stackmend.actions.scheduling import DisableScheduling
from stackmend.domain.instance_files import BASE
from stackmend.domain.plan import Plan, Step
from stackmend.domain.salvage import Copied, Salvaged, SalvageFacts, SalvageOptions
from stackmend.domain.values import JsonObject, StepId
from stackmend.errors import Code, Refused
from stackmend.rules.recovery import statement_that_counts
from stackmend.rules.salvage import decide, objection, wanted_bases
from stackmend.runbooks.recover import lane_from

COPIES = "copies"


def plan_salvage(facts: SalvageFacts, options: SalvageOptions, *, controller: str, reason: str) -> Plan:
    """Return the plan that salvages a node's instances.

    Args:
        facts: the world.
        options: what the operator chose.
        controller: how the node's power controller is reached, for people; empty for none.
        reason: the operator's.

    Raises:
        Refused: it may not be salvaged, or nothing of it can be; nothing was touched.
    """
    refused = objection(facts, options)
    if refused is not None:
        raise refused
    found = decide(facts, options)
    moving = [one for one in found if one.moves]
    if not moving:
        said = "; ".join(one.sentence for one in found) or f"nova has no instance on {facts.node}"
        raise Refused(Code.NOTHING_TO_SALVAGE, f"nothing of {facts.node} can be brought up: {said}")
    node, group = facts.node, (f"Salvage {facts.node}",)
    fence = _fence(facts, options, controller, reason)
    down = ForceDown.step(node, fence.id, group=group, needs=(fence.id,))
    disable = DisableScheduling.step(node, reason=reason, group=group, needs=(down.id,))
    stage = StageSalvage.step(facts.target, group=group, needs=(fence.id,))
    bases = {one.path: _base(facts, options, one, stage.id) for one in wanted_bases(facts, found)}
    salvaged = [_bring_up(facts, options, one, fence.id, (disable.id, stage.id), bases) for one in moving]
    steps = [step for several in salvaged for step in several]
    evacuations = {str(s.params["instance"]): s.id for s in steps if s.action == EvacuateInstance.name}
    clear = ClearStaging.step(facts.target, group=group, needs=(stage.id, *(s.id for s in steps)))
    check = CheckRecovered.step(node, evacuations, group=group, needs=(clear.id,))
    return Plan(
        runbook="instance-dirs salvage",
        subject=node,
        title=f"Salvage {node}: bring up {len(moving)} of its instances on {facts.target.node}, from {facts.source}",
        steps=(fence, down, disable, stage, *bases.values(), *steps, clear, check),
        lanes={COPIES: 1, lane_from(node): 4},
        notes=(*_unneeded(options, fence), *(one.sentence for one in found if not one.moves)),
        world=_world(facts),
        options=_options(options, reason),
    )


def _fence(facts: SalvageFacts, options: SalvageOptions, controller: str, reason: str) -> Step:
    group = (f"Salvage {facts.node}",)
    if not facts.in_place:
        statement = options.statement if statement_that_counts(facts.recovery, options.as_recovery) else None
        return FenceNode.step(facts.node, controller, statement, group=group)
    ids = [s.instance.id for s in facts.recovery.stranded]
    return QuietNode.step(facts.source, facts.units, ids, reason=reason, statement=options.statement, group=group)


def _unneeded(options: SalvageOptions, fence: Step) -> tuple[str, ...]:
    if options.statement is None or fence.params.get("statement"):
        return ()
    return ("the statement is not needed: what it says is asked, or made so",)


def _base(facts: SalvageFacts, options: SalvageOptions, base: Copied, stage: StepId) -> Step:
    """Return the step that copies a file of ``_base``, or sees that the target has the same."""
    step = CopyBase.step(
        base.path,
        facts.source,
        facts.target,
        [base],
        options.rate,
        id=StepId(f"copy/{base.path}"),
        group=(f"Salvage {facts.node}", "Copy what disks rest on"),
        needs=(stage,),
        lane=COPIES,
    )
    if base.path.removeprefix(f"{BASE}/") not in facts.bases:
        return step
    title = f"See that {facts.target.node} has the same {base.path} as {facts.source}, by its checksum"
    return replace(step, title=title, commands=("sha256sum",))


def _bring_up(
    facts: SalvageFacts,
    options: SalvageOptions,
    one: Salvaged,
    fence: StepId,
    needs: tuple[StepId, ...],
    bases: dict[str, Step],
) -> tuple[Step, ...]:
    """Return the steps of one instance: copied, put in place, evacuated there, started, its old files put aside."""
    instance, target = one.stranded.instance, facts.target
    group = (f"Salvage {facts.node}", f"Bring up {instance.name}")
    before: list[Step] = []
    wanted = [bases[f"_base/{name}"].id for name in one.bases if f"_base/{name}" in bases]
    if one.files:
        copy = CopyFiles.step(
            instance.name,
            facts.source,
            target,
            one.files,
            options.rate,
            id=StepId(f"copy/{instance.id}"),
            group=group,
            needs=(*needs, *wanted),
            lane=COPIES,
        )
        before = [copy, PlaceFiles.step(copy, instance.id, instance.name, facts.node, fence)]
    evacuation = EvacuateInstance.step(
        instance,
        target.node,
        why=one.sentence,
        fence=fence,
        group=group,
        needs=(before[-1].id,) if before else needs,
        lane=lane_from(facts.node),
        placed=before[-1].id if before else None,
    )
    power = RestorePower.step(evacuation)
    if not before:
        return evacuation, power
    aside = SetAside.step(evacuation, facts.source, target, options.keep_days, (power.id,))
    return *before, evacuation, power, aside


def _world(facts: SalvageFacts) -> JsonObject:
    """Return what the plan rests on and must still hold when it is applied."""
    return {
        "instances": {
            s.instance.id: f"{s.instance.name} {s.instance.vm_state} {s.instance.task_state}".strip()
            for s in facts.recovery.stranded
        },
        "source": str(facts.source),
        "target": str(facts.target),
        "files": {e.path: e.seal for e in facts.entries if e.kind == "file"},
    }


def _options(options: SalvageOptions, reason: str) -> JsonObject:
    return {
        "reason": reason,
        "only": sorted(options.only),
        "statement": asdict(options.statement) if options.statement else None,
        "rate": options.rate,
        "keep_days": options.keep_days,
    }
