"""Whether an instance's disks may be read from outside, whether it is suspended for that, and how it is given back."""

from __future__ import annotations

from stackmend.domain.instance import Domain, Instance
from stackmend.domain.rescue import RescueFacts, Wanted, Way
from stackmend.errors import Code, Refused

RESTING = frozenset({"stopped", "suspended", "shelved", "error", "active"})
"""States of nova in which an instance whose domain does not run may be read as it is."""


def must_suspend(facts: RescueFacts) -> bool:
    """Return whether the instance runs and must be suspended; False where it rests already.

    Raises:
        Refused: INSTANCE_CHANGED or RESCUE_IMPOSSIBLE, where neither will do.
    """
    instance, domain = facts.instance, facts.domain
    if instance.task_state:
        raise _busy(f"nova is at work on {instance.name}: {instance.task_state}")
    if domain is None or not domain.is_active:
        if instance.vm_state in RESTING:
            return False
        raise _busy(f"{instance.name} is {instance.vm_state}")
    if instance.vm_state != "active" or domain.state != "running":
        raise _busy(f"{instance.name} is {instance.vm_state} by nova and {domain.state} by libvirt")
    if not facts.service_up:
        raise _impossible(
            f"{instance.name} runs, and nova-compute on {instance.host} is down, so that nova cannot suspend it",
            "bring nova-compute up, or stop the instance",
        )
    if facts.ties:
        raise _impossible(
            f"{instance.name} has {', '.join(facts.ties)}: taken away at a suspend, and only nova can give that back",
            "stop the instance with its owner's consent, then read it",
        )
    return True


def check(facts: RescueFacts, wanted: Wanted) -> None:
    """Raise Refused where the disks cannot be read, or not without a consent that was not given."""
    instance = facts.instance
    if facts.tools.leftover:
        raise _impossible(
            f"run {facts.tools.leftover} has not ended its rescue of {instance.name}",
            f"stackmend runs resume {facts.tools.leftover}; or, if its journal is gone, give --end",
        )
    if not facts.disks:
        where = f": {', '.join(facts.elsewhere)}" if facts.elsewhere else ""
        raise _impossible(f"{instance.name} has no disk in a file on {instance.host}{where}", "")
    if facts.tools.missing:
        raise _impossible(f"the disks cannot be opened on {instance.host}: {'; '.join(facts.tools.missing)}", "")
    if not wanted.trust_guest:
        raise Refused(
            Code.GUEST_NOT_TRUSTED,
            f"the kernel of {instance.host} would read the file systems that {instance.name} wrote",
            hint="a hostile file system can attack a kernel; give --trust-guest where you trust this instance",
        )


def way_back(instance: Instance, domain: Domain | None) -> Way:
    """Return what helps an instance on that a rescue suspended, and that is to run again.

    Safety: nova's record is only written where libvirt runs the instance, and nova is only asked to resume what
    libvirt holds saved.
    """
    runs = domain is not None and domain.is_active
    saved = domain is not None and domain.saved
    if instance.task_state:
        return Way.WAIT
    if instance.vm_state == "active":
        return Way.DONE if runs else Way.LOST
    if instance.vm_state in {"suspended", "error"} and runs:
        return Way.RECORD
    if instance.vm_state == "suspended":
        return Way.RESUME if saved else Way.LOST
    return Way.BY_NODE if instance.vm_state == "error" and saved else Way.LOST


def _busy(sentence: str) -> Refused:
    return Refused(Code.INSTANCE_CHANGED, sentence, hint="wait until it is active, or stop it, then try again")


def _impossible(sentence: str, hint: str) -> Refused:
    return Refused(Code.RESCUE_IMPOSSIBLE, sentence, hint=hint)
