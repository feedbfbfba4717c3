"""A plan's steps under their headings, as a tree; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from stackmend.domain.plan import Step


@dataclass
class Heading:
    """A heading and what stands under it, in the plan's order.

    Attributes:
        title: of the heading; empty for the root.
        children: headings and steps.
    """

    title: str
    children: list[Heading | Step] = field(default_factory=list)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step under it, at any depth."""
        found: list[Step] = []
        for child in self.children:
            found += child.steps if isinstance(child, Heading) else [child]
        return tuple(found)


def tree(steps: Sequence[Step]) -> Heading:
    """Return the root of the tree; a heading that comes again after another one is written again."""
    root = Heading("")
    for step in steps:
        place = root
        for title in step.group:
            place = _under(place, title)
        place.children.append(step)
    return root


def _under(parent: Heading, title: str) -> Heading:
    last = parent.children[-1] if parent.children else None
    if isinstance(last, Heading) and last.title == title:
        return last
    heading = Heading(title)
    parent.children.append(heading)
    return heading
