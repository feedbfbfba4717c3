"""Put a compared copy of an instance's files where nova looks for them, right before the evacuation that uses it."""

from __future__ import annotations

import shlex
from posixpath import basename
from typing import Any

from stackmend.actions.base import Action, Context
from stackmend.actions.evacuating import KIND
from stackmend.actions.fenced import still_fenced
from stackmend.actions.salvage_copying import load_of, staging_of
from stackmend.actions.salvage_files import ensure
from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.instance_files import SALVAGE
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.run import StepState
from stackmend.domain.salvage import Place
from stackmend.domain.values import InstanceId, NodeName, StepId
from stackmend.errors import Code, Failed
from stackmend.facts import instances, migrations, salvage_node

_PLACE = r"""cd -- {path} || exit
[ -e {id} ] && {{ [ "$(cat {id}/{mark} 2>/dev/null)" = {run} ] && exit 0; echo "there is a {id} already" >&2; exit 1; }}
printf '%s\n' {run} >{staged}/{mark} && mv -nT -- {staged} {id} && [ -e {id} ] && sync -f ."""

_BACK = r"""cd -- {path} || exit
[ "$(cat {id}/{mark} 2>/dev/null)" = {run} ] || exit 0
mkdir -p -m 700 {staging} && mv -nT -- {id} {staged} && rm -f {staged}/{mark}"""


OWN = frozenset({"disk.info", "disk.config"})
"""What nova itself writes anew."""


class PlaceFiles(Action):
    """Rename a copied directory to the instance's name, marked as this run's until nova has the instance there.

    The copy is compared anew where something wrote to it since. Parameters: node, instance, name, copied (step that
    copied it), fence, original (node that is salvaged). Change: the same, and the change of the copy.
    """

    name = "salvage.place"

    @classmethod
    def step(cls, copy: Step, instance: InstanceId, name: str, source: NodeName, fence: StepId) -> Step:
        """Return the step that puts in place what ``copy`` copied."""
        node = str(copy.params["node"])
        return Step(
            id=StepId(f"place/{instance}"),
            action=cls.name,
            title=f"Put the copy of {name} in its place on {node}, whole and equal",
            params={
                "node": node,
                "instance": instance,
                "name": name,
                "copied": copy.id,
                "fence": fence,
                "original": source,
            },
            group=copy.group,
            commands=(f"mv {SALVAGE}/RUN/{instance} {instance}",),
            needs=(copy.id,),
        )

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """See that it was copied, that its node cannot run it, and that nova still has it there."""
        copied = context.status_of(params["copied"])
        if copied.state is not StepState.DONE or not copied.receipt:
            raise Failed(
                Code.COPY_DIFFERS,
                f"the files of {params['name']} were not copied: the step {params['copied']} is {copied.state}",
                hint="skip this step and its evacuation, too, or undo the run",
            )
        still_fenced(world, NodeName(params["original"]), params["fence"], context)
        found = patiently(world.clock, lambda: instances.get(world, InstanceId(params["instance"])))
        if found is None:
            raise Failed(Code.INSTANCE_LOST, f"{params['name']} was deleted meanwhile", hint="skip it")
        if found.host != params["original"]:
            raise Failed(
                Code.INSTANCE_MOVED,
                f"{params['name']} is on {found.host}: somebody else moved it",
                hint="nothing was put in place; skip it",
            )
        change = {**dict(copied.change or {}), **dict(copied.receipt), **params}
        return Do(change, f"the copy of {params['name']} is put in place on {params['node']}")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Compare what changed since, and rename."""
        target = Place.from_json(change["target"])
        load = load_of(change, context.run_id)
        whole = change["whole"]
        if not _placed(world, change, context):
            whole = ensure(world, load, context, whole)
            still_fenced(world, NodeName(change["original"]), change["fence"], context)
            world.ssh.run(target.node, _PLACE.format(**_names(change, context)))
        # not its console's log and nova's notes: an evacuation that failed may have written to those
        disks = [path for path in whole if basename(path).startswith("disk") and basename(path) not in OWN]
        seals = salvage_node.seals(world, target, disks)
        words = (f"mv {SALVAGE}/{context.run_id}/{change['instance']} {change['instance']}",)
        data = {"target": target.to_json(), "seals": seals}
        return Receipt(f"{change['name']} has its files in {target}, equal to those of {load.source}", data, words)

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:
        """See that it is there, and this run's."""
        if not _placed(world, change, context):
            raise Failed(
                Code.FILES_NOT_MOVED,
                f"{change['instance']} on {change['node']} is not what this run put there",
                hint="find out who took it away; retry",
                evidence={"host": change["node"]},
            )
        return receipt

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:
        """Take it out of its place, unless an evacuation to it began."""
        instance = InstanceId(change["instance"])
        found = patiently(world.clock, lambda: instances.get(world, instance))
        records = patiently(world.clock, lambda: migrations.of_instance(world, instance))
        after = [r for r in records if r.kind == KIND and r.source == change["original"] and r.target == change["node"]]
        if found is not None and (found.host != change["original"] or after):
            return f"{change['name']} stays: nova has it on {found.host}, and was asked to evacuate it"
        world.ssh.run(change["node"], _BACK.format(**_names(change, context)))
        return f"the copy of {change['name']} is in its place on {change['node']} no more"


def _placed(world: World, change: dict[str, Any], context: Context) -> bool:
    """Whether the directory in place is this run's."""
    names = _names(change, context)
    script = "cat {path}/{id}/{mark} 2>/dev/null || true".format(**names)
    return world.ssh.run(NodeName(change["node"]), script).stdout.strip() == context.run_id


def _names(change: dict[str, Any], context: Context) -> dict[str, str]:
    target = Place.from_json(change["target"])
    staging = staging_of(target, context.run_id).path
    return {
        "path": shlex.quote(target.path),
        "id": change["instance"],
        "mark": SALVAGE,
        "run": context.run_id,
        "staging": shlex.quote(staging),
        "staged": shlex.quote(f"{staging}/{change['instance']}"),
    }
