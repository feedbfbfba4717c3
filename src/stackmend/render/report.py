"""The figures of a run: what a person wants to know at the end, from its records alone; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stackmend.domain.plan import Step
from stackmend.domain.run import Kind, Record, Run, StepState
from stackmend.domain.values import StepId
from stackmend.render.timeline import Stretch, duration, stretches
from stackmend.render.words import count

EVENTS = frozenset(
    {
        Kind.STEP_FAILED,
        Kind.STEP_UNDO_FAILED,
        Kind.STEP_CHOICE,
        Kind.RUN_PAUSED,
        Kind.RUN_INTERRUPTED,
        Kind.UNDO_STARTED,
        Kind.RUN_UNDONE,
        Kind.RUN_ABORTED,
    }
)


@dataclass(frozen=True)
class Figure:
    """One number of the summary.

    Attributes:
        label: what it counts.
        value: with its unit.
        note: what it is made of; empty for nothing.
        tone: ok, warning or failed; empty for none.
    """

    label: str
    value: str
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Probes:
    """What became of the probes sent to one instance.

    Attributes:
        instance: its name.
        sent: probes sent.
        lost: probes without an answer.
        longest_gap_s: longest time without an answer, seconds; None where it was not measured.
    """

    instance: str
    sent: int
    lost: int
    longest_gap_s: float | None = None

    def plus(self, more: Probes) -> Probes:
        """Return both together: counts added, the longer gap."""
        gaps = [gap for gap in (self.longest_gap_s, more.longest_gap_s) if gap is not None]
        return Probes(self.instance, self.sent + more.sent, self.lost + more.lost, max(gaps, default=None))


@dataclass(frozen=True)
class Report:
    """All that the page shows.

    Attributes:
        run: as the journal tells it.
        records: of its journal, in order.
        stretches: of every step, for the time line.
        figures: of the summary.
        probes: by instance; none where nobody probed.
        findings: of the verifying steps, each as code, level, sentence, subject and hint.
        events: failures, choices and interruptions, in order.
    """

    run: Run
    records: tuple[Record, ...]
    stretches: tuple[Stretch, ...]
    figures: tuple[Figure, ...]
    probes: tuple[Probes, ...]
    findings: tuple[Mapping[str, Any], ...]
    events: tuple[Record, ...]

    def records_of(self, step: StepId) -> tuple[Record, ...]:
        """Return the records of one step."""
        return tuple(record for record in self.records if record.step == step)


def build(run: Run, records: Sequence[Record], probes: Mapping[str, Mapping[str, Any]] | None = None) -> Report:
    """Return the report of a run.

    Args:
        run: as the journal tells it.
        records: of its journal, in order.
        probes: by instance's name: sent, lost, longest_gap_s; added to what the receipts hold.
    """
    parts = stretches(records, alive=bool(run.pid))
    counted = tuple(_probes(run, probes or {}))
    findings = tuple(_findings(run))
    return Report(
        run=run,
        records=tuple(records),
        stretches=parts,
        figures=tuple(_figures(run, records, parts, counted, findings)),
        probes=counted,
        findings=findings,
        events=tuple(record for record in records if record.kind in EVENTS),
    )


def elapsed(records: Sequence[Record]) -> float:
    """Return the seconds from the first record to the last."""
    return (records[-1].at - records[0].at).total_seconds() if records else 0.0


def worked(parts: Sequence[Stretch], step: StepId) -> float:
    """Return the seconds in which a step was worked on, over all its attempts; pauses between them do not count."""
    return sum((part.end - part.begin).total_seconds() for part in parts if part.step == step)


def moved(run: Run) -> tuple[Step, ...]:
    """Return the steps that moved an instance and are done."""
    return tuple(
        step
        for step in run.plan.steps
        if run.steps[step.id].state is StepState.DONE and "instance" in (run.steps[step.id].receipt or {})
    )


def _figures(
    run: Run,
    records: Sequence[Record],
    parts: Sequence[Stretch],
    probes: Sequence[Probes],
    findings: Sequence[Mapping[str, Any]],
) -> Iterable[Figure]:
    yield _steps_figure(run)
    yield Figure("Wall time", duration(elapsed(records)), _busy_note(records, parts))
    if moves := moved(run):
        yield _moves_figure(run, moves, parts)
    if probes:
        yield _probes_figure(probes)
    if findings:
        yield _findings_figure(findings)
    tries = sum(record.kind is Kind.STEP_CHOICE for record in records)
    killed = len({part.end for part in parts if part.ending == "killed"})
    if tries:
        yield Figure("Tried again", str(tries), "steps, by a person's choice")
    if killed:
        yield Figure("Killed", str(killed), "times, and taken up again", "warning")


def _steps_figure(run: Run) -> Figure:
    states = Counter(status.state for status in run.steps.values())
    rest = [f"{states[s]} {s}" for s in StepState if s is not StepState.DONE and states[s]]
    tone = "failed" if states[StepState.FAILED] else "ok" if not run.state.is_open else ""
    return Figure("Steps done", f"{states[StepState.DONE]} of {len(run.steps)}", ", ".join(rest), tone)


def _busy_note(records: Sequence[Record], parts: Sequence[Stretch]) -> str:
    if not parts:
        return ""
    total = sum((part.end - part.begin).total_seconds() for part in parts)
    return f"{duration(total)} if one step after another" if elapsed(records) else ""


def _moves_figure(run: Run, moves: Sequence[Step], parts: Sequence[Stretch]) -> Figure:
    instances = {str((run.steps[step.id].receipt or {})["instance"]) for step in moves}
    slowest = max(worked(parts, step.id) for step in moves)
    note = f"{count(len(instances), 'instance')}; slowest {duration(slowest)}"
    return Figure("Moves", str(len(moves)), note)


def _probes_figure(probes: Sequence[Probes]) -> Figure:
    lost, sent = sum(p.lost for p in probes), sum(p.sent for p in probes)
    gap = max((p.longest_gap_s for p in probes if p.longest_gap_s is not None), default=None)
    note = f"of {sent} sent to {count(len(probes), 'instance')}"
    note += f"; longest gap {gap:g} s" if gap is not None else ""
    return Figure("Probes lost", str(lost), note, "ok" if not lost else "warning")


def _findings_figure(findings: Sequence[Mapping[str, Any]]) -> Figure:
    well = sum(finding.get("level") == "ok" for finding in findings)
    bad = any(finding.get("level") == "failed" for finding in findings)
    tone = "failed" if bad else "ok" if well == len(findings) else "warning"
    return Figure("Checks well", f"{well} of {len(findings)}", "", tone)


def _probes(run: Run, given: Mapping[str, Mapping[str, Any]]) -> Iterable[Probes]:
    found: dict[str, Probes] = {}
    for name, counts in (*_probes_in_receipts(run), *given.items()):
        gap = counts.get("longest_gap_s")
        more = Probes(name, int(counts["sent"]), int(counts["lost"]), float(gap) if gap is not None else None)
        found[name] = found[name].plus(more) if name in found else more
    return found.values()


def _probes_in_receipts(run: Run) -> Iterable[tuple[str, Mapping[str, Any]]]:
    for step in run.plan.steps:
        receipt: Mapping[str, Any] = run.steps[step.id].receipt or {}
        if isinstance(receipt.get("probes"), Mapping):
            yield str(receipt.get("name", step.id)), receipt["probes"]


def _findings(run: Run) -> Iterable[Mapping[str, Any]]:
    for step in run.plan.steps:
        receipt: Mapping[str, Any] = run.steps[step.id].receipt or {}
        for finding in receipt.get("findings") or ():
            if isinstance(finding, Mapping):
                yield finding
