"""Whether the scheduling of a compute node is given back, or left because somebody else has decided on it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from stackmend.domain.values import JsonObject

MARK = "stackmend"

BY_NOVA = "AUTO: "
"""How nova-compute begins the reason where it disables itself because libvirt went away; it enables itself again when
libvirt is back, unless the reason is another's by then (nova/virt/libvirt/driver.py, _set_host_enabled)."""


@dataclass(frozen=True)
class Scheduling:
    """What nova records of a service's scheduling.

    Attributes:
        enabled: whether the scheduler may use it.
        reason: why it is disabled; empty where none was given.
        forced_down: whether somebody forced it down.
    """

    enabled: bool
    reason: str = ""
    forced_down: bool = False

    def to_json(self) -> dict[str, str | bool]:
        """Return it as JSON-ready data."""
        return {"enabled": self.enabled, "reason": self.reason, "forced_down": self.forced_down}

    @classmethod
    def from_json(cls, data: JsonObject) -> Scheduling:
        """Return what ``to_json`` gave."""
        return cls(data.get("enabled") is True, str(data.get("reason") or ""), data.get("forced_down") is True)

    @property
    def sentence(self) -> str:
        """Say it in words."""
        if self.enabled:
            return "enabled"
        return f"disabled ({self.reason})" if self.reason else "disabled (no reason given)"


def mark(run: str, reason: str) -> str:
    """Return the reason that nova is given, by which a later step knows the disabling for stackmend's own."""
    return f"{MARK} {run}: {reason}" if reason else f"{MARK} {run}"


def counted(now: Scheduling) -> Scheduling:
    """Return what is to be given back one day for how it is now.

    What nova-compute disabled by itself would enable itself in the middle of a drain, and could no longer do so once
    the reason is ours: it counts as enabled, so that it is made ours now and enabled at the end.
    """
    if not now.enabled and now.reason.startswith(BY_NOVA):
        return Scheduling(enabled=True, forced_down=now.forced_down)
    return now


def why_left(former: Scheduling, made: Scheduling, now: Scheduling) -> str:
    """Return why the scheduling is not given back; empty where it is.

    It is given back where it is still as stackmend made it. Where it is not, a person or another tool has decided since
    then, and that decision stays.

    Args:
        former: as it was before.
        made: as stackmend made it.
        now: as it is.
    """
    if (now.enabled, now.reason) == (former.enabled, former.reason):
        return f"it is {now.sentence}, as before"
    if (now.enabled, now.reason) != (made.enabled, made.reason):
        return f"somebody has made it {now.sentence} since then"
    return ""
