"""Whether an instance was running before its node went down: what nova's and libvirt's records come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stackmend.domain.instance import Domain, Instance, InstanceAction

GOING_DOWN = timedelta(minutes=15)
"""How much earlier than its node's last sign of life an instance may have ended and still count as taken with it: the
node's shutdown, and what of its journal a power cut loses."""

_POWER = frozenset(
    {"create", "start", "stop", "reboot", "rebuild", "resume", "suspend", "pause", "unpause", "evacuate", "unshelve"}
)
"""Nova's actions that leave an instance on or off."""


@dataclass(frozen=True)
class Ran:
    """Whether an instance was running.

    Attributes:
        was: whether it was running and does not run now; None where that is not known.
        runs: whether it runs now.
        sentence: why so, without its name.
    """

    was: bool | None
    runs: bool
    sentence: str


def judge(instance: Instance, domain: Domain | None, actions: Sequence[InstanceAction], down: datetime | None) -> Ran:
    """Decide whether an instance was running before its node went down.

    Nova's ``active`` says that it is to run. ``stopped`` is either a person's wish, which stands, or nova's own doing:
    it found the domain off and wrote that down, as a stop that no user asked for. That counts where it was about when
    the node went down or later; before that the instance had ended by itself.

    Args:
        instance: nova's record.
        domain: libvirt's on its node; None where it has none.
        actions: what was done with it, newest first.
        down: when the node last went down; None where that is not known.
    """
    if domain is not None and domain.is_active:
        return Ran(was=False, runs=True, sentence=f"libvirt has it {domain.state}")
    off = "libvirt does not have it" if domain is None else f"libvirt has it {domain.state}"
    if instance.task_state:
        return Ran(None, runs=False, sentence=f"nova is {instance.task_state} it")
    if instance.vm_state == "active":
        return Ran(was=True, runs=False, sentence=f"nova has it active, and {off}")
    if instance.vm_state != "stopped":
        return Ran(was=False, runs=False, sentence=f"nova has it {instance.vm_state or 'in no state'}")
    return _stopped(actions, down)


def last_stop(actions: Sequence[InstanceAction]) -> InstanceAction | None:
    """Return the stop that an instance is stopped by; None where the last thing done with its power was another."""
    newest = next((a for a in actions if a.verb in _POWER and not a.failed), None)
    return newest if newest is not None and newest.verb == "stop" else None


def _stopped(actions: Sequence[InstanceAction], down: datetime | None) -> Ran:
    stop = last_stop(actions)
    if stop is None:
        return Ran(None, runs=False, sentence="nova has it stopped, and does not tell by what")
    at = f"{stop.started:%Y-%m-%d %H:%M:%S} UTC" if stop.started else "a time nova does not tell"
    if stop.user:
        return Ran(was=False, runs=False, sentence=f"a user stopped it at {at}")
    if down is None or stop.started is None:
        return Ran(None, runs=False, sentence=f"nova found it off at {at}, and when its node went down is not known")
    if stop.started < down - GOING_DOWN:
        return Ran(was=False, runs=False, sentence=f"it ended by itself at {at}, before its node went down")
    return Ran(was=True, runs=False, sentence=f"nova found it off at {at}, when its node went down or after")
