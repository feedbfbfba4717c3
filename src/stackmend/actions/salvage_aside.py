"""Put what an instance left on its old node aside: nova-compute there would remove it, and libvirt could start it."""

from __future__ import annotations

import shlex
from datetime import timedelta
from typing import Any

from stackmend.actions.base import Action, Context
from stackmend.actions.trash import put, put_back, where
from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.instance_files import SALVAGE, TRASH
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.run import StepState
from stackmend.domain.salvage import Place
from stackmend.domain.values import InstanceId, StepId
from stackmend.errors import Code, Failed, StackmendError
from stackmend.facts import instances, salvage_node

_UNMARK = "cd -- {path} && rm -f {id}/{mark} && sync -f ."


class SetAside(Action):
    """Rename a salvaged instance's directory on its old node into the trash there, and end the mark on its new one.

    Nothing is removed. Where the old disk can't be written, the directory stays, and that is said. Parameters:
    instance, name, node (whose SSH reaches the source), path, target, evacuated_by, days. Change: as of
    ``files.trash``, and target.
    """

    name = "salvage.set-aside"

    @classmethod
    def step(cls, evacuation: Step, source: Place, target: Place, days: float, needs: tuple[StepId, ...]) -> Step:
        """Return the step that follows an evacuation."""
        instance, name = evacuation.params["instance"], evacuation.params["name"]
        return Step(
            id=StepId(f"aside/{instance}"),
            action=cls.name,
            title=f"Keep the files that {name} left in {source} in the trash there for {days:g} days",
            params={
                **source.to_json(),
                "instance": instance,
                "name": name,
                "target": target.to_json(),
                "evacuated_by": evacuation.id,
                "days": days,
            },
            group=evacuation.group,
            commands=(f"mv -nT {shlex.quote(f'{source.path}/{instance}')} {source.path}/{TRASH}/RUN/{instance}",),
            needs=needs,
        )

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """See that it was evacuated and is there; record what is put aside."""
        if context.former_change is not None:
            return Do(context.former_change, "goes on with what was decided on before")
        if context.status_of(params["evacuated_by"]).state is not StepState.DONE:
            return Skip(f"{params['name']} was not evacuated, so what it has on {params['node']} is left")
        found = patiently(world.clock, lambda: instances.get(world, InstanceId(params["instance"])))
        target = Place.from_json(params["target"])
        if found is not None and found.host != target.node:
            raise Failed(
                Code.INSTANCE_MOVED,
                f"{params['name']} is on {found.host}, not on {target.node}",
                hint="find out who moved it; skip leaves its files where they are",
            )
        source = Place.from_json(params)
        seal = salvage_node.seals(world, source, [params["instance"]])[params["instance"]]
        items = [{"name": params["instance"], "inode": int(seal.split()[0])}] if seal else []
        until = world.clock.now() + timedelta(days=params["days"])
        change = {
            **source.to_json(),
            "name": params["name"],
            "instance": params["instance"],
            "target": params["target"],
            "trash": f"{TRASH}/{context.run_id}",
            "until": until.isoformat(timespec="seconds"),
            "items": items,
        }
        return Do(change, f"{params['name']} is on {target.node}; what it left in {source} is kept in the trash there")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:  # noqa: ARG002
        """End the mark at the target, and rename at the source."""
        target = Place.from_json(change["target"])
        names = {"path": shlex.quote(target.path), "id": change["instance"], "mark": SALVAGE}
        world.ssh.run(target.node, _UNMARK.format(**names))
        source = Place.from_json(change)
        try:
            left = [item for item, (here, _) in where(world, change) if here == item["inode"]]
            put(world, change, left)
        except StackmendError as error:
            if error.code is not Code.COMMAND_FAILED:
                raise
            said = (
                f"what {change['name']} left stays in {source}, which cannot be written ({error.sentence}): where "
                "nova-compute starts there, it removes that"
            )
            return Receipt(said, {"kept": False})
        said = f"what {change['name']} left in {source} is in the trash there until {change['until']}"
        return Receipt(said, {"kept": True}, (f"mv {change['instance']} {change['trash']}/",))

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Rename it back."""
        put_back(world, change, [item for item, (_, there) in where(world, change) if there == item["inode"]])
        return f"what {change['name']} left on {change['node']} is in its place"
