"""Instances and what the services record of them, in nova's, libvirt's, placement's and neutron's own words."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stackmend.domain.values import InstanceId, NodeName


class PowerState(enum.IntEnum):
    """Nova's power states (nova.compute.power_state)."""

    NOSTATE = 0
    RUNNING = 1
    PAUSED = 3
    SHUTDOWN = 4
    CRASHED = 6
    SUSPENDED = 7


@dataclass(frozen=True)
class Resources:
    """Amounts of placement's three common resource classes.

    Attributes:
        vcpu: units of VCPU.
        memory_mb: MiB of MEMORY_MB.
        disk_gb: GiB of DISK_GB.
    """

    vcpu: int = 0
    memory_mb: int = 0
    disk_gb: int = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(self.vcpu + other.vcpu, self.memory_mb + other.memory_mb, self.disk_gb + other.disk_gb)

    def __sub__(self, other: Resources) -> Resources:
        return Resources(self.vcpu - other.vcpu, self.memory_mb - other.memory_mb, self.disk_gb - other.disk_gb)

    def fits_in(self, room: Resources) -> bool:
        """Return whether each amount is at most the room's."""
        return self.vcpu <= room.vcpu and self.memory_mb <= room.memory_mb and self.disk_gb <= room.disk_gb


@dataclass(frozen=True)
class Instance:
    """Nova's record of an instance.

    Attributes:
        id: UUID.
        name: display name; not unique.
        host: the compute node that nova records; empty before scheduling.
        vm_state: nova's ``vm_states``: active, building, paused, suspended, stopped, rescued, resized, error, …
        task_state: what nova is doing with it, such as ``migrating``; empty for nothing.
        power_state: what nova last saw of the domain.
        domain: libvirt's name of it, such as ``instance-0000274a``.
        locked: whether its owner locked it.
        resources: what its flavor asks for.
        flavor: name of the flavor.
        project: id of the project that owns it.
        on_volume: whether its root disk is a volume.
        volumes: ids of attached volumes.
        fault: message of nova's last fault; empty for none.
        created: when it was asked for.
        launched: when it was last started on a node: by its creation, a cold migration, an evacuation or an unshelving.
        images: ids of the images that nova caches on its node: the one it was made of, its kernel, its ramdisk.
        image: id of the image it was made of; empty where its root disk is a volume.
        metadata: the owner's key-value pairs.
    """

    id: InstanceId
    name: str
    host: NodeName
    vm_state: str
    task_state: str = ""
    power_state: PowerState = PowerState.NOSTATE
    domain: str = ""
    locked: bool = False
    resources: Resources = field(default_factory=Resources)
    flavor: str = ""
    project: str = ""
    on_volume: bool = False
    volumes: tuple[str, ...] = ()
    fault: str = ""
    created: datetime | None = None
    launched: datetime | None = None
    images: tuple[str, ...] = ()
    image: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class InstanceAction:
    """One entry of nova's list of what was done with an instance.

    Attributes:
        verb: nova's name of the action: create, stop, start, reboot, …
        request: id of the request that asked for it.
        user: id of the user who asked; empty where nova did it itself.
        started: when.
        failed: whether nova says that it ended in an error.
    """

    verb: str
    request: str
    user: str
    started: datetime | None
    failed: bool


@dataclass(frozen=True)
class Domain:
    """Libvirt's view of an instance on one node.

    Attributes:
        uuid: the instance's id.
        name: libvirt's name.
        state: ``virsh domstate``: running, paused, shut off, crashed, pmsuspended, …
        cpu_xml: its ``<cpu>`` element; empty where it has none (an emulated default, which runs anywhere).
        devices: host devices passed through, as a person would name them; an instance with any cannot move live.
        saved: whether libvirt holds a managed save image of it (a suspended instance).
        files: paths of its disks, and of what libvirt says is beneath them.
        title: the instance's name, as nova wrote it there; empty where nova did not.
    """

    uuid: InstanceId
    name: str
    state: str
    cpu_xml: str = ""
    devices: tuple[str, ...] = ()
    saved: bool = False
    files: tuple[str, ...] = ()
    title: str = ""

    @property
    def is_active(self) -> bool:
        """Whether there is a QEMU process for it, whose end would be a loss."""
        return self.state in {"running", "paused", "blocked", "in shutdown", "pmsuspended"}


@dataclass(frozen=True)
class Stranger:
    """A domain on a node that nova does not have there.

    Attributes:
        domain: as libvirt has it.
        record: nova's record of the instance, on another node; None where nova has none, or deleted it.
    """

    domain: Domain
    record: Instance | None


@dataclass(frozen=True)
class Migration:
    """Nova's record of one migration (``GET /os-migrations``).

    Attributes:
        id: number of the record; with the instance it addresses a live migration in progress.
        uuid: UUID of the record.
        instance: the instance.
        kind: ``live-migration``, ``migration`` (cold), ``resize`` or ``evacuation``.
        status: nova's status: queued, preparing, running, post-migrating, completed, error, failed, cancelled, …
        source: node it leaves.
        target: node it goes to; empty while none is chosen.
        created: when it was asked for.
        updated: when the record last changed.
        memory_remaining: bytes left to copy, while a live migration runs; None where nova does not say.
    """

    id: int
    uuid: str
    instance: InstanceId
    kind: str
    status: str
    source: NodeName
    target: NodeName
    created: datetime | None = None
    updated: datetime | None = None
    memory_remaining: int | None = None


@dataclass(frozen=True)
class ComputeService:
    """Nova's record of a nova-compute service.

    Attributes:
        id: UUID.
        host: node.
        enabled: whether the scheduler may use it.
        reason: why it is disabled; empty where none was given.
        up: whether nova takes its heartbeat for alive.
        forced_down: whether somebody forced it down.
        heartbeat: when it last reported (``updated_at``).
    """

    id: str
    host: NodeName
    enabled: bool
    reason: str
    up: bool
    forced_down: bool
    heartbeat: datetime | None


@dataclass(frozen=True)
class NovaService:
    """Nova's record of any of its services that keep a heartbeat.

    Attributes:
        binary: nova-compute, nova-scheduler, nova-conductor, …
        record: the rest, which all of them have in common.
    """

    binary: str
    record: ComputeService


@dataclass(frozen=True)
class PortBinding:
    """Neutron's word on where a port of an instance is.

    Attributes:
        port: its id.
        host: node of its active binding; empty for none.
        status: neutron's status of the port, such as ACTIVE or DOWN.
        kind: neutron's ``vif_type``, such as ovs; ``binding_failed`` and ``unbound`` are none.
    """

    port: str
    host: NodeName
    status: str
    kind: str = ""


@dataclass(frozen=True)
class IdleBinding:
    """A binding of a port that neutron keeps beside the active one, as a live migration begins with.

    Attributes:
        port: its id.
        instance: whose port it is.
        host: the node.
        vnic: neutron's ``vnic_type``.
        profile: what the binding was asked for with.
    """

    port: str
    instance: InstanceId
    host: NodeName
    vnic: str
    profile: Mapping[str, Any]


@dataclass(frozen=True)
class Provider:
    """A placement resource provider that stands for a compute node.

    Attributes:
        uuid: of the provider.
        name: of the node (its hypervisor host name).
        room: what is left: total × allocation ratio − reserved − used, for each class.
        traits: names of its traits.
    """

    uuid: str
    name: NodeName
    room: Resources
    traits: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ServerGroup:
    """A server group: its policy (affinity, anti-affinity, soft-…) and members."""

    id: str
    name: str
    policy: str
    members: tuple[InstanceId, ...]


@dataclass(frozen=True)
class Witness:
    """One service's word on where an instance is.

    Attributes:
        name: who says it: nova, migration, libvirt@NODE, placement, neutron.
        places: the nodes it names; none where it says the instance is nowhere it looks.
        says: the sentence behind it.
        silent: why it could not be asked; empty where it answered.
    """

    name: str
    places: tuple[NodeName, ...]
    says: str
    silent: str = ""


@dataclass(frozen=True)
class NodeInstances:
    """What is on one node, by nova and by libvirt, both sides.

    Attributes:
        node: its name.
        instances: nova's records with that host.
        domains: libvirt's domains there, by instance id.
    """

    node: NodeName
    instances: tuple[Instance, ...]
    domains: Mapping[InstanceId, Domain]
