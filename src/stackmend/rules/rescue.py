"""Whether an instance's disks may be read from outside, how it is kept from writing, and how it is given back."""

from __future__ import annotations

from collections.abc import Iterable

from stackmend.domain.instance import Domain, Instance
from stackmend.domain.rescue import Reader, RescueFacts, Rest, Wanted, Way
from stackmend.errors import Code, Refused

RESTING = frozenset({"stopped", "suspended", "shelved", "error", "active"})
"""States of nova in which an instance whose domain does not run may be read as it is."""


def rest(facts: RescueFacts) -> Rest:
    """Return how the instance is kept from writing: by nova, or by its node where nova cannot.

    Raises:
        Refused: INSTANCE_CHANGED or RESCUE_IMPOSSIBLE, where nothing will do.
    """
    instance, domain = facts.instance, facts.domain
    if facts.silence:
        if domain is None or not domain.is_active:
            return Rest.ALREADY
        if domain.state != "running":
            raise _busy(f"{instance.name} is {domain.state} by libvirt, and nova cannot be asked why")
        return Rest.PAUSE
    if instance.task_state:
        raise _busy(f"nova is at work on {instance.name}: {instance.task_state}")
    if domain is None or not domain.is_active:
        if instance.vm_state in RESTING:
            return Rest.ALREADY
        raise _busy(f"{instance.name} is {instance.vm_state}")
    if instance.vm_state != "active" or domain.state != "running":
        raise _busy(f"{instance.name} is {instance.vm_state} by nova and {domain.state} by libvirt")
    if not facts.service_up:
        return Rest.PAUSE
    if facts.ties:
        raise _impossible(
            f"{instance.name} has {', '.join(facts.ties)}: taken away at a suspend, and only nova can give that back",
            "stop the instance with its owner's consent, then read it",
        )
    return Rest.SUSPEND


def choose(facts: RescueFacts, wanted: Wanted) -> Reader:
    """Return what reads the disks: libguestfs where it works, and the node's own kernel only with consent.

    Raises:
        Refused: they cannot be read, or not without a consent that was not given.
    """
    instance = facts.instance
    if facts.tools.leftover:
        raise _impossible(
            f"run {facts.tools.leftover} has not ended its rescue of {instance.name}",
            f"stackmend runs resume {facts.tools.leftover}; or, if its journal is gone, give --end",
        )
    if not facts.disks:
        where = f": {', '.join(facts.elsewhere)}" if facts.elsewhere else ""
        raise _impossible(
            f"{instance.name} has no disk that {instance.host} can open by itself{where}",
            "files of the node and images of Ceph's are opened; attach another kind of volume to a machine of your own",
        )
    if facts.tools.missing:
        raise _cannot_open(facts, facts.tools.missing)
    if wanted.reader is Reader.NBD:
        raise _impossible(
            f"qemu-nbd is not offered: it would show the disks to all of {instance.host}, to its LVM too",
            "--way libguestfs and --way fuse read the same disks",
        )
    if facts.tools.appliance.works and wanted.reader is not Reader.FUSE:
        return Reader.LIBGUESTFS
    why_not = f"libguestfs does not work on {instance.host}: {facts.tools.appliance.sentence}"
    if wanted.reader is Reader.LIBGUESTFS:
        raise _impossible(
            why_not, "see what libguestfs-test-tool says there; or --way fuse --trust-guest where you trust the guest"
        )
    if facts.tools.missing_fuse:
        raise _cannot_open(facts, (*facts.tools.missing_fuse, *([] if wanted.reader else [why_not])))
    if not wanted.trust_guest:
        raise Refused(
            Code.GUEST_NOT_TRUSTED,
            f"the kernel of {instance.host} would read the file systems that {instance.name} wrote"
            + ("" if wanted.reader else f"; {why_not}"),
            hint="a hostile file system can attack a kernel; give --trust-guest where you trust this instance",
        )
    return Reader.FUSE


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


def _cannot_open(facts: RescueFacts, missing: Iterable[str]) -> Refused:
    return _impossible(f"the disks cannot be opened on {facts.instance.host}: {'; '.join(missing)}", "")


def _impossible(sentence: str, hint: str) -> Refused:
    return Refused(Code.RESCUE_IMPOSSIBLE, sentence, hint=hint)
