"""Have nova's rows say that the instances of a fenced node are another's: the chapter's UPDATE, guarded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from stackmend.actions import nova_rows as writing
from stackmend.actions.base import Action, Context
from stackmend.actions.fenced import proof_of, still_fenced
from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.instance import Instance
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.relocation import Relocation, Row
from stackmend.domain.values import InstanceId, JsonObject, NodeName, StepId
from stackmend.errors import Code, Failed, Refused
from stackmend.facts import domains, instances, nova_rows
from stackmend.facts.concurrently import each

NAMED = 8
"""How many instances a title names."""


class RelocateRows(Action):
    """Change the rows of instances in nova's cell, all in one transaction, on the proof that their node is fenced.

    Parameters: source, target, fence, instances (for each its name, and ``was``, its state when the plan was made).
    Change: a ``Relocation``, whose rows are the export of the old ones.
    """

    name: ClassVar[str] = "nova.relocate-rows"

    @classmethod
    def step(
        cls,
        wanted: Iterable[Instance],
        target: NodeName,
        fence: StepId,
        *,
        group: tuple[str, ...],
        needs: tuple[StepId, ...],
    ) -> Step:
        """Return the step that has the rows of instances of one node say another."""
        moving = list(wanted)
        source = moving[0].host
        ids = ", ".join(f"'{i.id}'" for i in moving)
        words = (
            f"update instances set host = '{target}', node = …, launched_on = …, compute_id = … "  # noqa: S608 - words
            f"where host = '{source}' and deleted = 0 and uuid in ({ids})"
        )
        return Step(
            id=StepId(f"rows/{source}"),
            action=cls.name,
            title=f"Have nova's rows say that {_named(moving)} on {target}, in one transaction",
            params={
                "source": source,
                "target": target,
                "fence": fence,
                "instances": {i.id: {"name": i.name, "was": i.vm_state} for i in moving},
            },
            group=group,
            commands=(words,),
            needs=needs,
        )

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Export the rows, and see that each is as it was planned."""
        source = NodeName(params["source"])
        proof_of(source, params["fence"], context)
        seat = nova_rows.seat(world, NodeName(params["target"]))
        names = {InstanceId(i): str(one["name"]) for i, one in params["instances"].items()}
        now = nova_rows.rows(world, seat, names)
        former = _former(context.former_change, now)
        here = {i: row for i, row in now.items() if row.host == source}
        _see_as_planned(here, params["instances"])
        _see_same_cell(world, seat.cell, source, here)
        left = sorted(names[i] for i in names.keys() - here.keys() - former.keys())
        told = f"; left out, for nova has them there no more: {', '.join(left)}" if left else ""
        if not here and not former:
            return Skip(f"nova has none of them on {source} any more{told}")
        rows = tuple(sorted((here | former).values(), key=lambda r: r.uuid))
        relocation = Relocation(source, params["fence"], seat, rows, {r.uuid: names[r.uuid] for r in rows})
        return Do(relocation.to_json(), f"exported {len(rows)} rows, which go to {seat.host}{told}")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Look that the node is still fenced, and change the rows that are not changed yet."""
        relocation = Relocation.from_json(change)
        rest = relocation.only({r.uuid for r in relocation.rows} - writing.moved(world, relocation))
        fenced = ""
        if rest.rows:
            fenced = still_fenced(world, relocation.source, relocation.fence, context)
            writing.move(world, rest)
        seat = relocation.seat
        data: JsonObject = {
            "source": relocation.source,
            "target": seat.host,
            "instances": {r.uuid: relocation.names[r.uuid] for r in relocation.rows},
            "fenced": fenced,
        }
        words = f"UPDATE of {len(rest.rows)} rows of instances: host = '{seat.host}', in one transaction"
        return Receipt(f"nova's rows say {seat.host} for {_count(relocation)}", data, (words,))

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """Ask nova's API where it has each of them."""
        relocation = Relocation.from_json(change)
        found = each(lambda i: patiently(world.clock, lambda: instances.get(world, i)), relocation.names)
        wrong = {
            str(i): f"{one.name} on {one.host}" for i, one in found.items() if one and one.host != relocation.seat.host
        }
        if wrong:
            raise Failed(
                Code.WITNESSES_DISAGREE,
                f"nova's API does not say what its rows said: it has {'; '.join(sorted(wrong.values()))}",
                hint="see who moves them, then retry",
                evidence=wrong,
            )
        return receipt

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Put the old rows back, in one transaction, of those that the target's libvirt does not have."""
        relocation = Relocation.from_json(change)
        moved = writing.moved(world, relocation)
        if not moved:
            return f"nova's rows say {relocation.seat.host} for none of them: nothing to put back"
        there = moved & domains.on_node(world, relocation.seat.host).keys()
        back = relocation.only(moved - there)
        if back.rows:
            writing.put_back(world, back)
        kept = f"; left on {relocation.seat.host}, whose libvirt has it: {relocation.told(there)}" if there else ""
        return f"nova's rows say {relocation.source} again for {_count(back)}{kept}"


def _former(change: JsonObject | None, now: Mapping[InstanceId, Row]) -> dict[InstanceId, Row]:
    """Return what an attempt before exported of rows that it has changed, as the world shows our own doing there."""
    if change is None:
        return {}
    before = Relocation.from_json(change)
    return {r.uuid: r for r in before.rows if r.uuid in now and now[r.uuid].host == before.seat.host}


def _see_as_planned(here: Mapping[InstanceId, Row], planned: Mapping[str, Mapping[str, str]]) -> None:
    wrong = {}
    for instance, row in here.items():
        one = planned[instance]
        if row.task_state or row.vm_state != one["was"]:
            busy = f", and nova is {row.task_state} it" if row.task_state else ""
            wrong[str(instance)] = f"{one['name']} is {row.vm_state}{busy}; it was {one['was']}"
    if wrong:
        raise Failed(
            Code.INSTANCE_CHANGED,
            f"no row of nova's was changed, as not all are as they were planned: {'; '.join(sorted(wrong.values()))}",
            hint="wait until nova has ended that and retry, or abort and plan again",
            evidence=wrong,
        )


def _see_same_cell(world: World, cell: str, source: NodeName, here: Mapping[InstanceId, Row]) -> None:
    if here and nova_rows.seat(world, source).cell != cell:
        raise Refused(Code.NO_TARGET, f"the rows of {source} are in another cell of nova than those of the target")


def _named(moving: list[Instance]) -> str:
    if len(moving) > NAMED:
        return f"{len(moving)} instances are"
    return f"{', '.join(i.name for i in moving)} {'are' if len(moving) > 1 else 'is'}"


def _count(relocation: Relocation) -> str:
    return f"{len(relocation.rows)} instance{'s' * (len(relocation.rows) != 1)}"
