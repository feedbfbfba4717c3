"""Looking, before an evacuation, that the copy of an instance's files is in place: nova makes anew what it misses."""

from __future__ import annotations

from stackmend.actions.base import Context
from stackmend.adapters.world import World
from stackmend.domain.run import StepState
from stackmend.domain.salvage import Place
from stackmend.errors import Code, Failed
from stackmend.facts import salvage_node


def still_placed(world: World, step: str, context: Context) -> None:
    """See that a step put the files in place, and that nothing wrote to them since.

    Raises:
        Failed: COPY_DIFFERS.
    """
    status = context.status_of(step)
    receipt = dict(status.receipt or {})
    if status.state is not StepState.DONE or not receipt:
        raise Failed(
            Code.COPY_DIFFERS,
            f"this run has put no copy of its files in place: its step {step} is {status.state}",
            hint="nova would make its disks anew, without its data; undo this run, and begin again",
        )
    target = Place.from_json(receipt["target"])  # type: ignore[arg-type]  # as the step wrote it
    seals: dict[str, str] = receipt["seals"]  # type: ignore[assignment]
    now = salvage_node.seals(world, target, seals)
    wrong = [path for path, seal in seals.items() if now[path] != seal]
    if wrong:
        raise Failed(
            Code.COPY_DIFFERS,
            f"{', '.join(wrong)} in {target} changed since it was compared with its source",
            hint="find out what writes there; undo takes it out of its place",
            evidence={"host": target.node},
        )
