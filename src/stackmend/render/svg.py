"""The time line as SVG: a row for each step, its stretches as bars, times in which nothing ran cut short."""

from __future__ import annotations

from stackmend.domain.plan import Step
from stackmend.render.markup import Html, join, tag
from stackmend.render.report import Report
from stackmend.render.timeline import Axis, Phase, Stretch, duration

WIDTH = 1120.0
LABELS = 330.0
MARGIN = 16.0
TOP = 30.0
ROW = 22.0
BAR = 12.0
LABEL_LETTERS = 52
"""What fits beside the bars at the size of the style sheet."""


def svg(report: Report) -> Html:
    """Return the legend and the drawing; needs at least one stretch."""
    axis = Axis(report.stretches, LABELS, WIDTH - MARGIN)
    rows = _rows(report)
    height = TOP + ROW * len(rows) + MARGIN
    drawing = [*_grid(axis, height), *_breaks(axis, height)]
    for number, row in enumerate(rows):
        top = TOP + ROW * number
        drawing += [_heading(row, top)] if isinstance(row, str) else _bars(report, axis, row, top)
    picture = tag("svg", *drawing, viewBox=f"0 0 {WIDTH:g} {height:g}", role="img", aria_label="Time line of the steps")
    return join(_legend(), tag("div", picture, class_="scroll"))


def _rows(report: Report) -> list[str | Step]:
    drawn = {stretch.step for stretch in report.stretches}
    rows: list[str | Step] = []
    last: tuple[str, ...] = ()
    for step in report.run.plan.steps:
        if step.id not in drawn:
            continue
        if step.group != last:
            rows.append(" / ".join(step.group))
            last = step.group
        rows.append(step)
    return rows


def _legend() -> Html:
    words = ((Phase.DECIDE, "decide"), (Phase.APPLY, "apply"), (Phase.VERIFY, "verify"), (Phase.UNDO, "undo"))
    keys = [tag("span", tag("i", "", class_=str(phase)), word) for phase, word in words]
    broken = [tag("span", tag("i", "", class_=ending), ending) for ending in ("failed", "killed")]
    return tag("p", *keys, *broken, class_="legend")


def _grid(axis: Axis, height: float) -> list[Html]:
    parts = []
    for place, word in axis.ticks():
        parts.append(tag("line", x1=place, x2=place, y1=TOP - 6, y2=height - MARGIN, class_="grid"))
        parts.append(tag("text", word, x=place, y=TOP - 12, class_="tick"))
    return parts


def _breaks(axis: Axis, height: float) -> list[Html]:
    parts = []
    for piece in axis.pieces:
        if piece.idle:
            lasted = duration((piece.end - piece.begin).total_seconds())
            words = tag("title", f"nothing ran for {lasted}")
            box = {
                "x": piece.left + 3,
                "y": TOP - 6,
                "width": piece.right - piece.left - 6,
                "height": height - TOP - 10,
            }
            parts.append(tag("rect", words, **box, class_="break"))
            middle, half = (piece.left + piece.right) / 2, (TOP + height) / 2
            turn = f"rotate(-90 {middle:.1f} {half:.1f})"
            parts.append(tag("text", f"nothing ran for {lasted}", x=middle, y=half + 4, transform=turn, class_="tick"))
    return parts


def _heading(words: str, top: float) -> Html:
    return tag("text", words, x=0.0, y=top + 15, class_="heading")


def _bars(report: Report, axis: Axis, step: Step, top: float) -> list[Html]:
    own = [stretch for stretch in report.stretches if stretch.step == step.id]
    label = step.title if len(step.title) <= LABEL_LETTERS else step.title[: LABEL_LETTERS - 1].rstrip() + "…"
    return [
        tag("text", tag("title", step.title), label, x=12.0, y=top + 15, class_="row"),
        *(_bar(axis, stretch, step, top) for stretch in own),
    ]


def _bar(axis: Axis, stretch: Stretch, step: Step, top: float) -> Html:
    left, right = axis.place(stretch.begin), axis.place(stretch.end)
    lasted = duration((stretch.end - stretch.begin).total_seconds())
    ending = f", {stretch.ending}" if stretch.ending else ""
    words = f"{step.title}\n{stretch.phase} {lasted}{ending}\n{stretch.sentence}".rstrip()
    place = {"x": left, "y": top + (ROW - BAR) / 2, "width": max(right - left, 2.0), "height": BAR, "rx": 2.0}
    return tag("rect", tag("title", words), **place, class_=f"{stretch.phase} {stretch.ending}".strip())
