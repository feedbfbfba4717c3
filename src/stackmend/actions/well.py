"""Seeing that instances run and nothing shows against them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from stackmend.actions.base import Action, Context
from stackmend.actions.diagnosis import first_sentence, troubles
from stackmend.actions.steps import Place
from stackmend.adapters.world import World
from stackmend.domain.boot_failure import Cause
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.run import StepState
from stackmend.domain.values import InstanceId, StepId
from stackmend.errors import Code, Failed

SETTLE_SECONDS = 60.0
"""How long what may right itself may take for that: ports come up after their instance."""

PASSING = frozenset({"busy", "network-unplugged", "not-spoken", "not-running", "node-silent", "libvirt-down"})
"""Causes that may pass by themselves."""


class CheckInstances(Action):
    """Diagnose instances that were brought up, and fail where any of them does not run well.

    Parameters: names (by id), steps (the step of the run that brought each up), watch (seconds that each must be well
    for since it has written to its console, for what shows only after a while; 0 to look once). Change: names, skipped,
    watch.
    """

    name: ClassVar[str] = "instance.check"

    @classmethod
    def step(
        cls, names: Mapping[InstanceId, str], steps: Mapping[InstanceId, StepId], watch: float, **place: Unpack[Place]
    ) -> Step:
        """Return the step that checks instances which other steps of the run have brought up."""
        who = next(iter(names.values())) if len(names) == 1 else f"{len(names)} instances"
        return Step(
            id=place.get("id", StepId("check")),
            action=cls.name,
            title=f"See that {who} came up, and why not where not",
            params={"names": _plain(names), "steps": _plain(steps), "watch": watch},
            needs=place.get("needs", ()),
            group=place.get("group", ()),
            commands=tuple(f"openstack server show {one}" for one in names),
        )

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:  # noqa: ARG002
        """Leave out those whose step was skipped."""
        skipped = [i for i, step in params["steps"].items() if context.status_of(step).state is StepState.SKIPPED]
        names = {i: name for i, name in params["names"].items() if i not in skipped}
        left = [params["names"][i] for i in skipped]
        if not names:
            return Skip(f"nothing was brought up: {', '.join(left)} skipped")
        return Do({"names": names, "skipped": left, "watch": params["watch"]}, f"look at {len(names)}")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Look until all are well, for as long as is asked; what does not right itself is said."""
        names, found = change["names"], dict[InstanceId, tuple[Cause, ...]]()
        well_since: list[float] = []

        def settled() -> bool | None:
            """Return whether all have been well for long enough; false where one of them will not be."""
            now = troubles(world, map(InstanceId, names), spoken=float(change["watch"]) > 0)
            if now:
                found.clear()
                found.update(now)
                well_since.clear()
                context.progress(f"not up: {', '.join(names[i] for i in found)}")
                return None if any(causes[0].code in PASSING for causes in now.values()) else False
            well_since[1:] = [world.clock.monotonic()]
            return True if well_since[-1] - well_since[0] >= float(change["watch"]) else None

        patience = SETTLE_SECONDS + float(change["watch"])
        if not world.clock.wait_for(settled, timeout=patience, interval=2.0):
            raise _down(names, found)
        skipped = f"; not looked at, as skipped: {', '.join(change['skipped'])}" if change["skipped"] else ""
        all_of_them = f"{next(iter(names.values()))} runs" if len(names) == 1 else f"all {len(names)} instances run"
        return Receipt(f"{all_of_them}, and nothing shows against that{skipped}", {"instances": list(names)})


def _plain(by_id: Mapping[InstanceId, str]) -> dict[str, str]:
    return {str(one): str(value) for one, value in by_id.items()}


def _down(names: Mapping[str, str], found: Mapping[InstanceId, tuple[Cause, ...]]) -> Failed:
    said = {str(i): first_sentence(causes) for i, causes in found.items()}
    down = "; ".join(f"{names[i]} ({why})" for i, why in said.items())
    return Failed(
        Code.INSTANCE_NOT_UP,
        f"{len(found)} of {len(names)} did not come up: {down}",
        hint="`stackmend instance diagnose` each of them; retry looks again, skip leaves them down",
        evidence=said,
    )
