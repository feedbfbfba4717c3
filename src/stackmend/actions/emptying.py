"""Remove for good what has been in the trash of a directory of instances past its end date."""

from __future__ import annotations

import shlex
from typing import Any

from stackmend.actions.base import Action, Context
from stackmend.actions.steps import on_node
from stackmend.adapters.world import World
from stackmend.domain.instance_files import TRASH
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.values import NodeName, StepId
from stackmend.errors import Code, Failed, Refused
from stackmend.facts.instance_listing import UNTIL, date
from stackmend.facts.settings import instances_path

REMOVE_SECONDS = 3600

_LOOK = """
cd -- {place} 2>/dev/null || {{ echo gone; exit 0; }}
cat {file} 2>/dev/null
true"""
_REMOVE = """
cd -- {place} 2>/dev/null || exit 0
[ ! -e {file} ] || [ "$(cat {file})" = {until} ] || {{ echo "its end date is another one now" >&2; exit 1; }}
[ ! -e {file} ] || find . -mindepth 1 -maxdepth 1 ! -name {file} -exec rm -rf --one-file-system -- {{}} + || exit
rm -f {file}
cd .. && rmdir -- {run} && {{ cd .. && rmdir {root} 2>/dev/null; true; }}"""
# The end date goes last: what is left without it is never removed.


class EmptyTrash(Action):
    """Remove what one run put into the trash of a node's directory of instances; it cannot be undone.

    Parameters: node, run. Change: node, place, run, until.
    """

    name = "files.remove"

    @classmethod
    def step(cls, node: NodeName, path: str, run: str) -> Step:
        """Return the step that removes what ``run`` put into the trash of the directory ``path``."""
        words = f"rm -rf --one-file-system {shlex.quote(f'{path}/{TRASH}/{run}')}"
        params = {"node": node, "run": run}
        title = f"Remove for good what run {run} put into the trash on {node}"
        return on_node(cls.name, title, params, (words,), id=StepId(f"{cls.name}/{run}"))

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:  # noqa: ARG002
        """See that its end date is over."""
        place = f"{instances_path(world, params['node'])}/{TRASH}/{params['run']}"
        found = world.ssh.run(params["node"], _LOOK.format(place=shlex.quote(place), file=UNTIL)).stdout.strip()
        if found == "gone":
            return Skip(f"{place} on {params['node']} is gone already")
        until = date(found)
        if until is None or until > world.clock.now():
            raise Refused(
                Code.FILES_NEEDED,
                f"{place} on {params['node']} stays: {f'it is kept until {found}' if until else 'it has no end date'}",
                hint=f"`stackmend instance-dirs restore {params['node']} {params['run']}` puts it back",
            )
        change = {"node": params["node"], "place": place, "run": params["run"], "until": found}
        return Do(change, f"the end date of {place} on {params['node']} was {found}")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:  # noqa: ARG002
        """Remove it; again after a kill."""
        script = _REMOVE.format(
            place=shlex.quote(change["place"]),
            file=UNTIL,
            until=shlex.quote(change["until"]),
            run=shlex.quote(change["run"]),
            root=TRASH,
        )
        world.ssh.run(change["node"], script, timeout=REMOVE_SECONDS)
        return Receipt(f"{change['place']} on {change['node']} is removed for good")

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """See that it is gone."""
        look = _LOOK.format(place=shlex.quote(change["place"]), file=UNTIL)
        if world.ssh.run(change["node"], look).stdout.strip() != "gone":
            raise Failed(
                Code.FILES_NOT_MOVED,
                f"{change['place']} on {change['node']} is still there",
                hint="look what is in it, and who writes there",
                evidence={"host": change["node"]},
            )
        return receipt

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Say that there is no way back."""
        return f"what was removed of {change['place']} on {change['node']} is gone for good"
