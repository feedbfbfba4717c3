"""A run as one self-contained page: no script, no network, light and dark by the reader's own setting."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from stackmend import __version__
from stackmend.domain.plan import Step
from stackmend.domain.run import Kind, Record, StepState, StepStatus
from stackmend.render.markup import Html, join, tag
from stackmend.render.report import Figure, Probes, Report, worked
from stackmend.render.runs import ENDED, MARKS, stamp
from stackmend.render.svg import svg
from stackmend.render.timeline import duration
from stackmend.render.tree import Heading, tree


def page(report: Report) -> str:
    """Return the page."""
    run = report.run
    body = [
        _header(report),
        tag("section", *(_figure(figure) for figure in report.figures), class_="figures"),
        _events(report),
        _section("Time line", svg(report)) if report.stretches else Html(""),
        _section("Probes", _probes(report.probes)) if report.probes else Html(""),
        _section("Checks", _findings(report.findings)) if report.findings else Html(""),
        _section("Plan", _plan(report)),
        tag(
            "footer",
            f"stackmend {__version__} · plan {run.plan.hash} · {len(report.records)} journal records · times are UTC",
        ),
    ]
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{run.plan.title} · {run.id}"),
        tag("style", Html(files("stackmend.render").joinpath("page.css").read_text(encoding="utf-8"))),
    ]
    return "<!doctype html>\n" + tag("html", tag("head", *head), tag("body", tag("main", *body)), lang="en") + "\n"


def _header(report: Report) -> Html:
    run = report.run
    facts = [f"{run.plan.runbook} on {run.plan.subject}", run.id, f"by {run.actor}", stamp(run.created)]
    facts += [run.reason] if run.reason else []
    return tag(
        "header",
        tag("h1", run.plan.title),
        tag("p", tag("span", str(run.state), class_=f"pill {run.state}"), " ", run.sentence, class_="verdict"),
        tag("p", " · ".join(facts), class_="quiet"),
    )


def _figure(figure: Figure) -> Html:
    note = tag("span", figure.note, class_="quiet") if figure.note else ""
    value = tag("strong", figure.value, class_=figure.tone or None)
    return tag("div", tag("span", figure.label, class_="label"), value, note)


def _section(title: str, *content: str) -> Html:
    return tag("section", tag("h2", title), *content)


def _events(report: Report) -> Html:
    if not report.events:
        return Html("")
    titles = {step.id: step.title for step in report.run.plan.steps}
    return _section("Errors and choices", *(_event(record, titles.get(record.step, "")) for record in report.events))


def _event(record: Record, title: str) -> Html:
    failed = record.kind in {Kind.STEP_FAILED, Kind.STEP_UNDO_FAILED}
    where = tag("p", title, class_="quiet") if title else ""
    word = record.kind.removeprefix("step-").removeprefix("run-").replace("-", " ")
    line = tag("p", tag("time", f"{record.at:%H:%M:%S}"), " ", tag("b", word), " ", record.sentence)
    return tag("article", line, where, *_error(record.data.get("error")), class_="event bad" if failed else "event")


def _error(error: object) -> list[Html]:
    if not isinstance(error, Mapping):
        return []
    parts = [tag("p", tag("code", str(error.get("code", ""))), f" {error.get('hint', '')}")]
    evidence = error.get("evidence")
    if isinstance(evidence, Mapping) and evidence:
        parts.append(tag("pre", "\n".join(f"{name}: {value}" for name, value in evidence.items())))
    return parts


def _probes(probes: tuple[Probes, ...]) -> Html:
    rows = [
        tag(
            "tr",
            tag("td", one.instance),
            tag("td", str(one.sent), class_="number"),
            tag("td", str(one.lost), class_="number warning" if one.lost else "number"),
            tag("td", f"{one.longest_gap_s:g} s" if one.longest_gap_s is not None else "", class_="number"),
        )
        for one in probes
    ]
    names = ("instance", "sent", "lost", "longest gap")
    heads = (tag("th", name, class_="number" if number else None) for number, name in enumerate(names))
    return tag("table", tag("tr", *heads), *rows)


def _findings(findings: tuple[Mapping[str, Any], ...]) -> Html:
    rows = []
    for one in findings:
        hint = tag("span", f" {one['hint']}", class_="quiet") if one.get("hint") and one.get("level") != "ok" else ""
        level = str(one.get("level", "unknown"))
        cells = (tag("span", level, class_=f"pill {level}"), tag("code", str(one.get("code", ""))))
        sentence = tag("td", str(one.get("sentence", "")), hint)
        rows.append(tag("tr", *(tag("td", cell) for cell in cells), sentence, tag("td", str(one.get("subject", "")))))
    return tag("table", *rows)


def _plan(report: Report) -> Html:
    notes = [tag("li", note) for note in report.run.plan.notes]
    left = join(tag("h3", "Left alone"), tag("ul", *notes)) if notes else Html("")
    return join(*_children(report, tree(report.run.plan.steps)), left)


def _children(report: Report, heading: Heading) -> list[Html]:
    return [
        _heading(report, child) if isinstance(child, Heading) else _step(report, child) for child in heading.children
    ]


def _heading(report: Report, heading: Heading) -> Html:
    states = [report.run.steps[step.id].state for step in heading.steps]
    ended = sum(state in ENDED for state in states)
    summary = tag("summary", tag("b", heading.title), tag("span", f" {ended} of {len(states)}", class_="quiet"))
    return tag("details", summary, *_children(report, heading), open="", class_="group")


def _step(report: Report, step: Step) -> Html:
    status = report.run.steps[step.id]
    took = worked(report.stretches, step.id)
    summary = tag(
        "summary",
        tag("span", MARKS[status.state], class_=f"mark {status.state}"),
        tag("span", step.title, class_="title"),
        tag("span", duration(took) if took else str(status.state), class_="time"),
    )
    is_open = "" if status.state is StepState.FAILED else None
    return tag("details", summary, *_step_body(report, step, status), class_="step", open=is_open)


def _step_body(report: Report, step: Step, status: StepStatus) -> list[Html]:
    commands = status.commands or step.commands
    label = "What was run" if status.commands else "What an operator would type"
    records = [
        tag(
            "tr",
            tag("td", tag("time", f"{r.at:%H:%M:%S}")),
            tag("td", r.kind.removeprefix("step-")),
            tag("td", r.sentence),
        )
        for r in report.records_of(step.id)
    ]
    parts = [tag("table", *records)] if records else []
    if commands:
        parts += [tag("p", label, class_="label"), tag("pre", "\n".join(f"$ {command}" for command in commands))]
    if status.error is not None and status.state is StepState.FAILED:
        parts += _error(status.error)
    return [tag("div", *parts, tag("p", tag("code", step.id), class_="quiet"), class_="body")]
