"""Maintain a compute node in one run: drain, stop, reboot or run a command, start, verify, return."""

from __future__ import annotations

from dataclasses import dataclass

from stackmend.actions.commands import RunCommand
from stackmend.actions.reboot import Reboot
from stackmend.actions.scheduling import RestoreScheduling
from stackmend.actions.units import ReleaseUnit
from stackmend.actions.verify import VerifyNode
from stackmend.domain.drain import DrainFacts, DrainOptions, Mode, Treatment
from stackmend.domain.node import Node
from stackmend.domain.plan import Plan, Step
from stackmend.domain.values import StepId
from stackmend.rules.returning import Moved
from stackmend.runbooks.drain import Drain, compose
from stackmend.runbooks.returning import Home, bring_back, return_lanes
from stackmend.runbooks.services import hold


@dataclass(frozen=True)
class Work:
    """What is done to the node while it is empty.

    Attributes:
        reboot: whether it is rebooted.
        command: program and arguments to run on it, before a reboot; empty for none.
        stay: whether the instances are left where the drain put them.
        reason: the operator's.
        patience: seconds without progress after which a live migration is taken for not converging.
    """

    reboot: bool = False
    command: tuple[str, ...] = ()
    stay: bool = False
    reason: str = ""
    patience: float = 120.0


def plan_maintain(node: Node, facts: DrainFacts, options: DrainOptions, work: Work) -> Plan:
    """Return the plan of a whole maintenance.

    Raises:
        Refused: the node cannot be drained; nothing was touched.
    """
    drain = compose(facts, options, reason=work.reason, patience=work.patience)
    disable, drained = drain.steps[0], drain.steps[-1]
    held = hold(node, work.reason, needs=(drained.id,))
    during = _work(node, work, needs=(held.id,))
    release = ReleaseUnit.step(
        node.name, held.id, group=(f"Start {node.name}",), needs=(during[-1].id if during else held.id,)
    )
    verify = VerifyNode.step(
        node.name,
        canary=True,
        after=during[-1].id if work.reboot else "",
        group=(f"Verify {node.name}",),
        needs=(release.id,),
    )
    restore = RestoreScheduling.step(node.name, disable.id, group=(f"Return {node.name}",), needs=(verify.id,))
    home = Home(
        node=node.name,
        disabled_before=not facts.service.enabled,
        limits={t.node: t.concurrency for t in facts.targets},
        patience=work.patience,
    )
    moving = () if work.stay else drain.moving
    back, notes = bring_back(
        ((_moved(t), {"drained_by": f"move/{t.instance.id}"}) for t in moving), home, needs=(restore.id,)
    )
    return Plan(
        runbook="node maintain",
        subject=node.name,
        title=_title(node, drain, work),
        steps=(*drain.steps, held, *during, release, verify, restore, *back),
        lanes={**drain.lanes, **return_lanes(back, home)},
        notes=(*drain.notes, *notes),
        world=drain.world,
        options={"reason": work.reason, "reboot": work.reboot, "command": list(work.command), "stay": work.stay},
    )


def _work(node: Node, work: Work, *, needs: tuple[StepId, ...]) -> tuple[Step, ...]:
    steps: list[Step] = []
    group = (f"Maintain {node.name}",)
    if work.command:
        steps.append(RunCommand.step(node.name, work.command, group=group, needs=needs))
    if work.reboot:
        steps.append(Reboot.step(node.name, group=group, needs=(steps[-1].id,) if steps else needs))
    return tuple(steps)


def _moved(treatment: Treatment) -> Moved:
    return Moved(
        instance=treatment.instance.id,
        name=treatment.instance.name,
        home=treatment.instance.host,
        place=treatment.target or treatment.instance.host,
        mode="cold" if treatment.mode is Mode.COLD else str(treatment.mode),
    )


def _title(node: Node, drain: Drain, work: Work) -> str:
    parts = [f"drain it ({len(drain.moving)} instances)", "stop nova-compute"]
    parts += ["run the command"] if work.command else []
    parts += ["reboot"] if work.reboot else []
    parts += ["start and verify"]
    parts += [] if work.stay else ["bring the instances back"]
    return f"Maintain {node.name}: " + ", ".join(parts)
