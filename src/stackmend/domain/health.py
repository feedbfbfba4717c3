"""What was seen of a compute node's services: the facts that ``stackmend.rules.verify`` judges."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stackmend.domain.values import InstanceId, JsonObject, NodeName


@dataclass(frozen=True)
class UnitState:
    """What systemd says of a unit (``systemctl show``).

    Attributes:
        name: its ``Id``, such as ``nova-compute.service``.
        load: ``LoadState``: loaded, masked, not-found, …
        active: ``ActiveState``: active, activating, inactive, failed, …
        sub: ``SubState``: running, dead, auto-restart, …
        file: ``UnitFileState``: enabled, disabled, masked, static, …
        fragment: path of its unit file; empty where it has none.
        drop_ins: paths of its drop-ins.
        user: whom it runs as; empty for root.
        main_pid: of its main process; 0 for none.
        pids: all processes in its control group.
        process: state letter of the main process as in ``ps``: S, R, D, T (stopped), Z; empty for none.
        restarts: how often systemd restarted it by itself since it was started.
        since: when it became active; None where it is not.
        reload_needed: whether its files changed since systemd read them.
    """

    name: str
    load: str
    active: str
    sub: str
    file: str = ""
    fragment: str = ""
    drop_ins: tuple[str, ...] = ()
    user: str = ""
    main_pid: int = 0
    pids: tuple[int, ...] = ()
    process: str = ""
    restarts: int = 0
    since: datetime | None = None
    reload_needed: bool = False


@dataclass(frozen=True)
class Held:
    """A unit that is kept from starting, and who keeps it so.

    Attributes:
        unit: its name.
        owner: id of the run that holds it.
        reason: the operator's reason or ticket.
        since: when the hold began, UTC, ISO 8601.
        by: who started the run, such as ``root@ops1``.
        active: the unit's ``ActiveState`` before the hold.
        file: its ``UnitFileState`` before the hold.
        masked: whether it was masked before the hold.
        hooks: names of the configuration management agents that were disabled for it.
    """

    unit: str
    owner: str
    reason: str
    since: str
    by: str
    active: str
    file: str
    masked: bool
    hooks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the hold as JSON-ready data, as it stands in the owner file."""
        return {
            "unit": self.unit,
            "owner": self.owner,
            "reason": self.reason,
            "since": self.since,
            "by": self.by,
            "active": self.active,
            "file": self.file,
            "masked": self.masked,
            "hooks": list(self.hooks),
        }

    @classmethod
    def from_json(cls, data: JsonObject) -> Held:
        """Return the hold that ``to_json`` gave; what is missing is taken for empty."""
        hooks = data.get("hooks") or ()
        return cls(
            unit=str(data.get("unit", "")),
            owner=str(data.get("owner", "")),
            reason=str(data.get("reason", "")),
            since=str(data.get("since", "")),
            by=str(data.get("by", "")),
            active=str(data.get("active", "")),
            file=str(data.get("file", "")),
            masked=data.get("masked") is True,
            hooks=tuple(str(h) for h in hooks) if isinstance(hooks, list | tuple) else (),
        )


@dataclass(frozen=True)
class NovaConf:
    """The options of a node's nova-compute that checks depend on; credentials never leave the node.

    Attributes:
        rabbits: ``host:port`` of each server in ``transport_url``.
        vhost: RabbitMQ's virtual host.
        report_interval: seconds between two heartbeats.
        instances_path: directory of the instances' disks.
        log_file: nova-compute's log; empty where it logs to the journal alone.
    """

    rabbits: tuple[str, ...]
    vhost: str
    report_interval: int
    instances_path: str
    log_file: str

    @property
    def ports(self) -> frozenset[int]:
        """TCP ports of the message brokers."""
        return frozenset(int(r.rpartition(":")[2]) for r in self.rabbits)


@dataclass(frozen=True)
class AmqpLog:
    """The last word on AMQP in nova-compute's log since the process started.

    Attributes:
        line: that line, without credentials; empty where there is none.
        readable: whether there was a log to look at.
    """

    line: str = ""
    readable: bool = True


@dataclass(frozen=True)
class Consumers:
    """What RabbitMQ says of the queue ``compute.NODE``.

    Attributes:
        queue: its name.
        count: consumers on it; None where there is no such queue.
        witness: the node whose ``rabbitmqctl`` said so; empty where none could be asked.
        silent: why none could be asked; empty where one answered.
    """

    queue: str
    count: int | None
    witness: str = ""
    silent: str = ""


@dataclass(frozen=True)
class HeartbeatWatch:
    """What became of a service's heartbeat while it was watched.

    Attributes:
        beats: values of ``updated_at`` seen, oldest first, each once.
        waited: seconds it was watched.
        deadline: seconds that were given.
        interval: the node's ``report_interval``, seconds.
    """

    beats: tuple[datetime, ...]
    waited: float
    deadline: float
    interval: int


@dataclass(frozen=True)
class RpcAnswer:
    """The outcome of one call from nova-api to that nova-compute over RPC.

    Attributes:
        seconds: how long the call took.
        answer: what came back, such as the node's ``uptime`` line; empty where none did.
        error: nova-api's words where the call failed; empty where it did not.
        request_id: nova's id of the request, for its logs.
    """

    seconds: float
    answer: str = ""
    error: str = ""
    request_id: str = ""


@dataclass(frozen=True)
class LibvirtAnswer:
    """What ``virsh list`` on the node came to.

    Attributes:
        domains: how many domains it listed; None where libvirt did not answer.
        daemon: the daemon's unit that is active: libvirtd or virtqemud; empty for none.
        error: virsh's words; empty where it answered.
    """

    domains: int | None
    daemon: str = ""
    error: str = ""


@dataclass(frozen=True)
class Mount:
    """What is mounted where a directory lives (``findmnt --target``)."""

    target: str
    source: str
    kind: str


@dataclass(frozen=True)
class DirectoryState:
    """The directory of the instances' disks on a node.

    Attributes:
        path: nova's ``instances_path``.
        mount: what it lies on; None where the path does not exist.
        missing: mount points that the node's fstab names on the way to it, and that are not mounted.
        user: the service's user.
        writable: whether that user wrote, read and removed a file there.
        error: the words of the attempt that failed; empty where it did not.
        free: bytes free for unprivileged users.
    """

    path: str
    mount: Mount | None
    missing: tuple[str, ...] = ()
    user: str = ""
    writable: bool = False
    error: str = ""
    free: int = 0


@dataclass(frozen=True)
class ClockReading:
    """A node's clock against this machine's, corrected for half of the round trip.

    Attributes:
        node: whose clock.
        offset: seconds it is ahead of this machine's.
        uncertainty: half of the round trip, seconds.
        synchronised: whether its kernel is disciplined by NTP; None where that is not known.
        ntp: the NTP unit that is active there; empty for none.
        silent: why it could not be read; empty where it was.
    """

    node: NodeName
    offset: float
    uncertainty: float
    synchronised: bool | None = None
    ntp: str = ""
    silent: str = ""


@dataclass(frozen=True)
class CanaryOutcome:
    """What became of the canary instance.

    Attributes:
        instance: its id; empty where nova did not take the request.
        stage: how far it came: asked, active, running, deleted, gone.
        seconds: from the request to ACTIVE and running in libvirt.
        error: what went wrong, with nova's fault message; empty where nothing did.
        left: what could not be removed; empty where nothing is left.
    """

    instance: InstanceId
    stage: str
    seconds: float = 0.0
    error: str = ""
    left: str = ""


@dataclass(frozen=True)
class BootIdentity:
    """What differs between two boots of a machine.

    Attributes:
        boot_id: the kernel's; in a container it is the host's.
        init_start: when PID 1 started, in clock ticks since the kernel's boot; tells a container's boots apart.
    """

    boot_id: str
    init_start: str


@dataclass(frozen=True)
class SystemState:
    """How far systemd came after a boot.

    Attributes:
        state: ``systemctl is-system-running``: starting, running, degraded, stopping, …
        failed: units that failed.
    """

    state: str
    failed: tuple[str, ...] = field(default_factory=tuple)
