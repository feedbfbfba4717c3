"""Why an instance does not boot: what was seen of it, the causes that follow, and the cure of each."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stackmend.domain.instance import ComputeService, Instance, InstanceAction, PortBinding, Witness
from stackmend.domain.values import NodeName

GONE = "gone"
"""Status of an image that glance has no more."""


class Cure(enum.StrEnum):
    """What may be done about a cause."""

    START = "start"
    HARD_REBOOT = "hard-reboot"
    NONE = "none"


@dataclass(frozen=True)
class DiskLook:
    """One disk of an instance, as its node sees it.

    Attributes:
        target: its name in the instance, such as vda.
        path: of its file or device; empty for one that QEMU reaches over a network.
        volume: id of the volume that it is; empty for none.
        present: whether the file or device is there.
        missing: path of a backing file of its chain that is not there; empty for none.
        error: what ``qemu-img info`` says against its chain; empty for nothing.
        check: what ``qemu-img check`` says against it; empty for nothing, or where it runs and cannot be checked.
        unreached: the addresses of the storage that QEMU reaches it at, where not one of them answers the node.
    """

    target: str
    path: str
    volume: str = ""
    present: bool = True
    missing: str = ""
    error: str = ""
    check: str = ""
    unreached: tuple[str, ...] = ()


@dataclass(frozen=True)
class HostLook:
    """What an instance's node tells of it.

    Attributes:
        libvirt_error: why libvirt could not be asked; empty where it answered.
        defined: whether libvirt knows the domain.
        state: ``virsh domstate``; empty where it is not defined.
        reason: why it is in that state, as libvirt says.
        process: what tells this start of the domain from others; empty while it does not run.
        directory: path of its directory; empty where there is none.
        disks: its disks, by libvirt's XML, or by its directory where there is none.
        free: bytes left where the instances' directory lies; None where they could not be seen.
        console: the end of its console log.
    """

    libvirt_error: str = ""
    defined: bool = False
    state: str = ""
    reason: str = ""
    process: str = ""
    directory: str = ""
    disks: tuple[DiskLook, ...] = ()
    free: int | None = None
    console: str = ""

    @property
    def runs(self) -> bool:
        """Whether there is a QEMU process that runs the guest."""
        return self.state == "running"


@dataclass(frozen=True)
class BootFacts:
    """All that is asked before a cause is named.

    Attributes:
        instance: nova's record.
        actions: what was done with it, newest first.
        service: the nova-compute of its node; None where nova has none there.
        host: what its node tells; None where it could not be asked.
        silent: why the node could not be asked; empty where it answered.
        witnesses: each one's word on where the instance is.
        ports: its ports; None where neutron could not be asked.
        image: glance's status of its image; empty where it has none or glance could not be asked, ``gone`` where
            glance has it no more.
        failure: what nova says against its last action that failed; empty for nothing.
    """

    instance: Instance
    actions: tuple[InstanceAction, ...] = ()
    service: ComputeService | None = None
    host: HostLook | None = None
    silent: str = ""
    witnesses: tuple[Witness, ...] = ()
    ports: tuple[PortBinding, ...] | None = None
    image: str = ""
    failure: str = ""

    @property
    def node(self) -> NodeName:
        """The node that nova has it on."""
        return self.instance.host


@dataclass(frozen=True)
class Cause:
    """One cause for an instance that does not boot.

    Attributes:
        code: its stable name, such as ``base-missing``.
        sentence: what is so.
        cure: what may be done about it.
        advice: what the cure does, or who must decide where there is none.
        evidence: what shows it.
    """

    code: str
    sentence: str
    cure: Cure
    advice: str
    evidence: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {
            "code": self.code,
            "sentence": self.sentence,
            "cure": str(self.cure),
            "advice": self.advice,
            "evidence": dict(self.evidence),
        }
