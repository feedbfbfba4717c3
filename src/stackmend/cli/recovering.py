"""``stackmend node recover`` and ``readmit``: from the words of the call to the plan."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from stackmend.adapters.world import World
from stackmend.cli.plans import compute_node, home_of, owed_by
from stackmend.cli.wiring import actor
from stackmend.domain.health import Held
from stackmend.domain.plan import Plan
from stackmend.domain.recovery import RecoveryOptions, Statement
from stackmend.domain.values import NodeName
from stackmend.errors import Code, StackmendError, UsageError
from stackmend.facts import instances, leftovers, services, units
from stackmend.facts.recovery import gather
from stackmend.facts.relocation import see_same_cell
from stackmend.runbooks.readmit import plan_readmit
from stackmend.runbooks.recover import plan_recover


@dataclass(frozen=True)
class Chosen:
    """What the operator said about a recovery.

    Attributes:
        accept_loss: names or ids of instances that are moved though data would be lost.
        target: the only node to move to; empty for any.
        limit: evacuations at once.
        fenced: the node's name, typed once more by who has fenced it; empty where nobody states that.
        even_in_a_wave: whether many nodes down at once are no objection.
        via: ``api``, or ``database`` for a change of nova's rows where its API evacuates nothing.
    """

    accept_loss: tuple[str, ...] = ()
    target: str = ""
    limit: int = 4
    fenced: str = ""
    even_in_a_wave: bool = False
    via: str = "api"


def recover(world: World, name: str, chosen: Chosen, *, reason: str) -> Plan:
    """Return the plan that recovers a node.

    Raises:
        UsageError: the statement is about another node, or says not how; or what ``via`` needs is not said.
        Refused: the node may not be recovered.
    """
    node = compute_node(world, name)
    by_database = chosen.via == "database"
    if by_database:
        _see_complete(chosen, reason)
    statement = statement_of(name, chosen.fenced, reason)
    options = RecoveryOptions(
        accept_loss=frozenset(instances.resolve(world, one).id for one in chosen.accept_loss),
        target=compute_node(world, chosen.target).name if chosen.target else None,
        statement=statement,
        even_in_a_wave=chosen.even_in_a_wave,
        limit=chosen.limit,
        by_database=by_database,
    )
    if by_database and options.target is not None:
        see_same_cell(world, node.name, options.target)
    controller = world.power.describe(node.name) if node.power is not None else ""
    facts = gather(world, node.name, by_database=by_database)
    return plan_recover(facts, options, controller=controller, reason=reason)


def _see_complete(chosen: Chosen, reason: str) -> None:
    for said, wanted in ((chosen.target, "--target NODE"), (reason, "--reason")):
        if not said:
            hint = "nova's scheduler is not asked, and a change of nova's rows must be accounted for"
            raise UsageError(Code.USAGE, f"--via database needs {wanted}", hint=hint)
    if chosen.accept_loss:
        raise UsageError(
            Code.USAGE,
            "--via database moves nothing that would lose data, so there is no --accept-loss with it",
            hint="a hard reboot makes no disk anew; such an instance waits for its node, or for salvage",
        )


def readmit(world: World, state: Path, name: str, *, canary: bool, clean_up: bool, home: float | None) -> Plan:
    """Return the plan that readmits a node, from what the journal in ``state`` says that it is owed.

    With ``clean_up``, what nova-compute leaves there of instances that are proved elsewhere is removed.

    With ``home``, the seconds of patience of a live migration, the instances that were started elsewhere come back at
    its end; with None they stay.
    """
    node = compute_node(world, name)
    service = services.compute_service(world, node.name)
    owed = owed_by(state, node.name)
    way = home_of(world, node.name, owed, owed.evacuated if owed else (), patience=home) if home else None
    held, left = _held(world, node.name), _left(world, node.name)
    return plan_readmit(node, service, owed, held, left, canary=canary, clean_up=clean_up, home=way)


def _held(world: World, node: NodeName) -> tuple[Held, ...]:
    """Return what stackmend holds on a node; nothing where it does not answer yet, as nothing can be let go then."""
    try:
        return units.held(world, node)
    except StackmendError as error:
        if error.code is not Code.SSH_UNREACHABLE:
            raise
        return ()


def _left(world: World, node: NodeName) -> tuple[str, ...]:
    """Return what is on a node of instances that are elsewhere; that it can't be seen, where it does not answer yet.

    Its libvirt may be held, as a salvage does: it answers when the plan's first step has let it go.
    """
    try:
        named = [one.sentence for one in leftovers.domains_left(world, node)]
        return (*named, *(one.sentence for one in leftovers.directories_left(world, node)))
    except StackmendError as error:
        if error.code not in {Code.SSH_UNREACHABLE, Code.COMMAND_FAILED}:
            raise
        return (f"not known yet: {error.sentence}",)


def statement_of(node: str, typed: str, reason: str) -> Statement | None:
    """Return an operator's statement that a node is fenced; None where nobody gave one.

    Raises:
        UsageError: it is about another node, or says not how.
    """
    if not typed:
        return None
    if typed != node:
        raise UsageError(
            Code.USAGE, f"--i-have-fenced says {typed}, but the node is {node}", hint="type the name of the node itself"
        )
    if not reason:
        raise UsageError(Code.USAGE, "--i-have-fenced needs --reason", hint="say how it was fenced, or name a ticket")
    return Statement(by=f"{actor()}@{socket.gethostname()}", reason=reason)
