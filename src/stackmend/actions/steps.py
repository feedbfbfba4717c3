"""Building steps: the part that is the same for every action."""

from __future__ import annotations

from typing import Any, TypedDict, Unpack

from stackmend.domain.plan import Step
from stackmend.domain.values import StepId


class Place(TypedDict, total=False):
    """Where a step stands in its plan; what is left out is the default.

    Attributes:
        id: unique in the plan; ``ACTION/NODE`` where none is given.
        needs: steps that must have ended well, or been skipped, before.
        group: headings it stands under, outermost first.
        lane: limit it counts against.
    """

    id: StepId
    needs: tuple[StepId, ...]
    group: tuple[str, ...]
    lane: str


def on_node(action: str, title: str, params: dict[str, Any], commands: tuple[str, ...], **place: Unpack[Place]) -> Step:
    """Return a step of an action on ``params["node"]``."""
    return Step(
        id=place.get("id", StepId(f"{action}/{params['node']}")),
        action=action,
        title=title,
        params=params,
        commands=commands,
        needs=place.get("needs", ()),
        group=place.get("group", ()),
        lane=place.get("lane", ""),
    )
