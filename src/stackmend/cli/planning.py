"""Show a plan, ask, and carry out that very plan; or say what moved since it was shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stackmend.cli.context import CloudChoice, cloud_options, open_world
from stackmend.errors import Code, Refused, UsageError
from stackmend.rules.moved import differences

if TYPE_CHECKING:
    from stackmend.adapters.world import World
    from stackmend.domain.plan import Plan

F = TypeVar("F", bound=Callable[..., Any])
Maker = Callable[["World", str], "Plan"]
Carrier = Callable[["World", "Plan"], int]


def plan_options(command: F) -> F:
    """Add the options of every command that makes a plan; see ``Asked.of``."""
    for option in (
        click.option("--plan", "plan_only", is_flag=True, help="Show the plan and change nothing."),
        click.option("--yes", "-y", is_flag=True, help="Apply the plan without asking."),
        click.option("--expect", metavar="HASH", default="", help="Apply only a plan with this hash."),
        click.option("--reason", default="", help="Why, or a ticket; journaled, and shown as the disable reason."),
        click.option(
            "-f", "--format", "form", type=click.Choice(["text", "json", "yaml"]), default="text", help="Of the plan."
        ),
    ):
        command = option(command)
    return cloud_options(command)


@dataclass(frozen=True)
class Asked:
    """The options that every command with a plan has.

    Attributes:
        cloud: which cloud, inventory and state directory.
        plan_only: whether the plan is only shown.
        yes: whether it is applied without asking.
        expect: hash that the plan must have; empty for any.
        reason: the operator's.
        form: text, json or yaml.
    """

    cloud: CloudChoice
    plan_only: bool
    yes: bool
    expect: str
    reason: str
    form: str

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Asked:
        """Return them from what click parsed."""
        return cls(
            cloud=CloudChoice.of(options),
            plan_only=options["plan_only"],
            yes=options["yes"],
            expect=options["expect"],
            reason=options["reason"],
            form=options["form"],
        )

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.cloud.state


def show_or_apply(asked: Asked, make: Maker, carry_out: Carrier | None = None) -> None:
    """Make a plan and show it; carry it out where that is wanted, and exit as the run ended.

    Args:
        asked: the options.
        make: makes the plan from the world, for a reason.
        carry_out: carries it out and returns the exit status; None for ``wiring.carry_out_plan``.

    Raises:
        Refused: the plan is not the expected one, or the world moved between showing and applying.
        UsageError: nobody can be asked, and ``--yes`` was not given.
    """
    from stackmend.render.plan import show_plan  # noqa: PLC0415 - late: rich is slow to import

    with open_world(asked.cloud) as world:
        plan = make(world, asked.reason)
        _check_expected(plan, asked.expect)
        if asked.plan_only or not asked.yes:
            show_plan(plan, asked.form)
        if asked.plan_only:
            return
        if not asked.yes:
            _confirm()
            _check_unmoved(plan, make(world, asked.reason))
        if carry_out is not None:
            sys.exit(carry_out(world, plan))
        _apply(world, plan, asked)


def _check_expected(plan: Plan, expected: str) -> None:
    if expected and not plan.hash.startswith(expected):
        raise Refused(
            Code.PLAN_STALE,
            f"the plan made now has the hash {plan.hash}, not {expected}",
            hint="look at it again with --plan; the world moved, or other options were given",
        )


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            Code.USAGE, "nobody can be asked here whether to apply the plan", hint="give --yes, or --plan to look only"
        )
    click.confirm("Apply this plan?", abort=True)


def _check_unmoved(shown: Plan, now: Plan) -> None:
    """Refuse where the plan made again after the question differs from the one that was shown."""
    if shown.hash == now.hash:
        return
    moved = "; ".join(differences(shown.world, now.world)) or "the plan itself changed"
    raise Refused(
        Code.PLAN_STALE,
        f"the world moved while the plan was looked at: {moved}",
        hint="run the command again to see the new plan",
    )


def _apply(world: World, plan: Plan, asked: Asked) -> None:
    from stackmend.cli.wiring import carry_out_plan  # noqa: PLC0415 - late: it imports every action

    sys.exit(carry_out_plan(world, plan, asked.state, reason=asked.reason))
