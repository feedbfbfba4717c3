"""What a compute node's own machine must show: its instances directory and its clock. Facts in, findings out."""

from __future__ import annotations

from collections.abc import Iterable

from stackmend.domain.finding import Finding, Level
from stackmend.domain.health import ClockReading, DirectoryState, Mount

CLOCK_WARN = 1.0
"""Seconds of offset from which a clock is worth a look."""

CLOCK_FAIL = 5.0
"""Seconds of offset from which tokens, heartbeats and certificates begin to go wrong."""


def directory(node: str, seen: DirectoryState, before: Mount | None) -> Finding:
    """Judge whether the instances' directory is there, on what it was on before, and writable.

    Args:
        node: the compute node.
        seen: its directory now.
        before: what it lay on before the maintenance; None where that was not recorded.
    """
    evidence = {"path": seen.path, "user": seen.user or "root"}
    if seen.mount is not None:
        evidence |= {"mount": f"{seen.mount.source} on {seen.mount.target} ({seen.mount.kind})"}
    level, sentence, hint = _judge_directory(seen, before)
    return Finding("instances-directory", level, sentence, subject=node, hint=hint, evidence=evidence)


def _judge_directory(seen: DirectoryState, before: Mount | None) -> tuple[Level, str, str]:
    if seen.mount is None:
        return Level.FAILED, f"{seen.path} could not be looked at: {seen.error}.", "Is its storage mounted?"
    if seen.missing:
        points = ", ".join(seen.missing)
        return Level.FAILED, f"{seen.path} is not complete: {points} is in fstab and not mounted.", f"mount {points}"
    if before is not None and _differs(before, seen.mount):
        was = f"{before.source} on {before.target} ({before.kind})"
        return Level.FAILED, f"{seen.path} was on {was} before and is not now.", "Mount it as it was."
    if not seen.writable:
        user = seen.user or "root"
        hint = "Look at the mount's options and the directory's owner."
        return Level.FAILED, f"{user} cannot write in {seen.path}: {seen.error}.", hint
    free = f"{seen.free / 2**30:.0f} GiB free"
    return Level.OK, f"{seen.path} is mounted and {seen.user or 'root'} can write there; {free}.", ""


def _differs(before: Mount, now: Mount) -> bool:
    # A local file system's device may be named differently after a reboot; where it is mounted, and its kind, may not.
    if before.target != now.target or before.kind != now.kind:
        return True
    return ":" in before.source and before.source != now.source


def clock(node: str, own: ClockReading, others: Iterable[ClockReading]) -> Finding:
    """Judge a node's clock against the controllers', and against this machine's.

    What counts for nova is the controllers' time; this machine's own clock may be the one that is wrong, so that alone
    it gives no more than a warning, unless no controller could be read.
    """
    if own.silent:
        return Finding("clock", Level.UNKNOWN, f"The clock of {node} could not be read: {own.silent}.", subject=node)
    heard = [o for o in others if not o.silent and o.node != own.node]
    against = {str(o.node): (own.offset - o.offset, own.uncertainty + o.uncertainty) for o in heard}
    evidence = _clock_evidence(own, against)
    cloud = max((_excess(o, u) for o, u in against.values()), default=None)
    here = _excess(own.offset, own.uncertainty)
    worst = here if cloud is None else cloud
    hint = f"Look at {own.ntp or 'chrony'} on the node."
    if worst >= CLOCK_FAIL:
        whose = "the controllers'" if cloud is not None else "this machine's"
        sentence = f"The clock of {node} is {worst:.1f} s off {whose}."
        return Finding("clock", Level.FAILED, sentence, subject=node, hint=hint, evidence=evidence)
    if max(worst, here) >= CLOCK_WARN:
        whose = "the controllers'" if worst >= CLOCK_WARN and cloud is not None else "this machine's"
        sentence = f"The clock of {node} is {max(worst, here):.1f} s off {whose}."
        return Finding("clock", Level.WARNING, sentence, subject=node, hint=hint, evidence=evidence)
    sentence = f"The clock of {node} is in step within {max(0.01, worst + own.uncertainty):.2f} s."
    return Finding("clock", Level.OK, sentence, subject=node, evidence=evidence)


def _excess(offset: float, uncertainty: float) -> float:
    """Return how far off a clock is for certain, seconds."""
    return max(0.0, abs(offset) - uncertainty)


def _clock_evidence(own: ClockReading, against: dict[str, tuple[float, float]]) -> dict[str, str]:
    evidence = {"against this machine": f"{own.offset:+.3f} s ± {own.uncertainty:.3f} s"}
    evidence |= {f"against {name}": f"{o:+.3f} s ± {u:.3f} s" for name, (o, u) in sorted(against.items())}
    if own.synchronised is not None:
        evidence["NTP synchronised"] = "yes" if own.synchronised else "no"
    if own.ntp:
        evidence["NTP unit"] = own.ntp
    return evidence
