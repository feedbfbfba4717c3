"""Moving instances of a fenced node by nova's own rows, where its API does not evacuate them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from stackmend.domain.values import InstanceId, NodeName


@dataclass(frozen=True)
class Row:
    """What nova's table ``instances`` says of where an instance is, as it was exported.

    Attributes:
        uuid: the instance.
        host: name of the nova-compute that it belongs to.
        node: name of the hypervisor.
        launched_on: where it was last started; not None only after its first start.
        compute_id: id of its row in ``compute_nodes``; None where there is none, or nova has no such column yet.
        vm_state: nova's state of it.
        task_state: what nova does with it; None for nothing.
        launched_at: when it was last started on a node, UTC, as ``YYYY-MM-DD HH:MM:SS``.
        updated_at: when nova last wrote the row, in the same form.
    """

    uuid: InstanceId
    host: NodeName
    node: str | None
    launched_on: str | None
    compute_id: int | None
    vm_state: str | None
    task_state: str | None
    launched_at: str | None
    updated_at: str | None


@dataclass(frozen=True)
class Seat:
    """The row of a compute node in a cell.

    Attributes:
        cell: UUID of the cell's mapping.
        host: name of its nova-compute.
        node: name of the hypervisor.
        compute_id: id of the row; None where nova's instances do not name it yet.
    """

    cell: str
    host: NodeName
    node: str
    compute_id: int | None


@dataclass(frozen=True)
class Relocation:
    """A change of the rows of a fenced node's instances, as it was decided and journaled.

    Attributes:
        source: the fenced node.
        fence: the step of the run that proved it fenced.
        seat: the target's row; its cell is the instances' own.
        rows: the old rows: the export.
        names: of the instances, for sentences.
    """

    source: NodeName
    fence: str
    seat: Seat
    rows: tuple[Row, ...]
    names: Mapping[InstanceId, str]

    def told(self, ids: frozenset[InstanceId] | set[InstanceId]) -> str:
        """Return some of its instances by their names, for a sentence."""
        return ", ".join(f"{self.names[i]} ({i})" for i in sorted(ids, key=lambda i: (self.names[i], i)))

    def only(self, ids: frozenset[InstanceId] | set[InstanceId]) -> Relocation:
        """Return it for some of its instances."""
        return replace(self, rows=tuple(r for r in self.rows if r.uuid in ids))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {**asdict(self), "rows": [asdict(r) for r in self.rows], "names": dict(self.names)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Relocation:
        """Return what ``to_json`` gave."""
        return cls(
            **{**data, "seat": Seat(**data["seat"]), "rows": tuple(Row(**r) for r in data["rows"])},
        )


@dataclass(frozen=True)
class Settlement:
    """What neutron, placement and Cinder still say of the fenced node for one instance, before that is changed.

    Attributes:
        instance: id.
        name: for sentences.
        source: the fenced node.
        target: the node that nova has it on by now.
        fence: the step of the run that proved the source fenced.
        vm_state: nova's state of it, as exported.
        ports: ids of its ports that are bound on the source.
        allocations: placement's former allocations of it, as they can be written back.
        attachments: Cinder's attachments of it that name the source, each with its volume.
        volumes: ids of all volumes it has attached.
    """

    instance: InstanceId
    name: str
    source: NodeName
    target: NodeName
    fence: str
    vm_state: str
    ports: tuple[str, ...] = ()
    allocations: Mapping[str, Any] = field(default_factory=dict)
    attachments: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Settlement:
        """Return what ``to_json`` gave."""
        lists = {key: tuple(data[key]) for key in ("ports", "volumes")}
        return cls(**{**data, **lists})


@dataclass(frozen=True)
class Ties:
    """What ties an instance to its node beside its row, and is made anew by an evacuation but by no reboot.

    Attributes:
        specs: the flavor's extra specs, and what the image asks of a TPM, by name.
        numa: whether nova has placed it on cells of the node's memory.
        vnics: kinds of its ports, such as ``normal`` or ``direct``.
        drivers: how each of its volumes is reached, such as ``rbd`` or ``iscsi``, by the volume's id.
        providers: how many of the node's resource providers its allocation names.
        moving: what a migration record says that nova has not ended; empty for none.
    """

    specs: tuple[str, ...] = ()
    numa: bool = False
    vnics: tuple[str, ...] = ()
    drivers: Mapping[str, str] = field(default_factory=dict)
    providers: int = 1
    moving: str = ""
