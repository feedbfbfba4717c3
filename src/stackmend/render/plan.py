"""A plan for a person: a tree of sentences, each with the commands it stands for; or the data itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stackmend.domain.plan import Plan, Step
from stackmend.domain.values import StepId
from stackmend.render.output import show_data
from stackmend.render.tree import Heading, tree
from stackmend.render.words import count


def show_plan(plan: Plan, form: str) -> None:
    """Write a plan to standard output as ``text``, ``json`` or ``yaml``."""
    if form != "text":
        show_data(plan.to_json(), form)
        return
    from rich.text import Text  # noqa: PLC0415 - late: it is slow to import

    from stackmend.render.console import console  # noqa: PLC0415

    out = console()
    for line, style in plan_lines(plan):
        out.print(Text(line, style=style))


def plan_lines(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield the lines of a plan and how each is to look; the text alone says everything."""
    yield plan.title, "bold"
    yield f"{plan.runbook} on {plan.subject} · {count(len(plan.steps), 'step')} · plan {plan.hash}", "dim"
    yield "", ""
    numbers = {step.id: number for number, step in enumerate(plan.steps, 1)}
    yield from _heading_lines(tree(plan.steps), numbers, depth=0)
    if plan.lanes:
        yield "", ""
        early = {step.lane for step in plan.steps if step.ahead}
        for lane, width in plan.lanes.items():
            more = ", and one more that waits in nova's queue" if lane in early else ""
            yield f"At once: {lane}: at most {width}{more}", "dim"
    if plan.notes:
        yield "", ""
        yield "Left alone:", "bold"
        yield from ((f"  {note}", "") for note in plan.notes)


def _heading_lines(heading: Heading, numbers: Mapping[StepId, int], *, depth: int) -> Iterator[tuple[str, str]]:
    for child in heading.children:
        if isinstance(child, Heading):
            yield "  " * depth + child.title, "bold cyan"
            yield from _heading_lines(child, numbers, depth=depth + 1)
        else:
            yield from _step_lines(child, numbers, depth)


def _step_lines(step: Step, numbers: Mapping[StepId, int], depth: int) -> Iterator[tuple[str, str]]:
    number = f"{numbers[step.id]:>{len(str(len(numbers)))}}."
    yield f"{'  ' * depth}{number} {step.title}", ""
    indent = " " * (2 * depth + len(number) + 1)
    yield from ((f"{indent}$ {command}", "dim") for command in step.commands)
