"""The facts of an audit, by what is asked of them: who uses an entry, and who was silent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from stackmend.domain.instance import Domain, Instance
from stackmend.domain.instance_files import Disk, FilesFacts, Neighbour
from stackmend.domain.values import InstanceId, NodeName
from stackmend.rules.instance_names import entry_of

REGISTERED = timedelta(hours=24)
"""How long nova counts a node that wrote its name into a directory among its users (nova.virt.storage_users)."""


@dataclass(frozen=True)
class Used:
    """A domain that uses an entry, and where it is."""

    node: NodeName
    domain: Domain


@dataclass(frozen=True)
class Evidence:
    """The facts of an audit, looked at from the entries."""

    facts: FilesFacts

    @cached_property
    def sharing(self) -> dict[NodeName, Neighbour]:
        """The other nodes that see the same directory."""
        return {n.node: n for n in self.facts.neighbours if n.shares}

    @cached_property
    def silences(self) -> tuple[str, ...]:
        """Why somebody who may need an entry could not be asked."""
        own = f"libvirt on {self.facts.node}: {self.facts.libvirt_silent}" if self.facts.libvirt_silent else ""
        nova = f"nova: {self.facts.nova.silent}" if self.facts.nova.silent else ""
        others = [f"{n.node}: {n.silent}" for n in self.facts.neighbours if n.silent and n.shares is not False]
        return tuple(sentence for sentence in (own, nova, *others) if sentence)

    @cached_property
    def here(self) -> dict[str, Used]:
        """The domains of this node by the entries that they use."""
        return self._used(self.facts.node, self.facts.domains.values())

    @cached_property
    def there(self) -> dict[str, Used]:
        """The domains of the other nodes that share the directory, likewise."""
        return {
            name: used for n in self.sharing.values() for name, used in self._used(n.node, n.domains.values()).items()
        }

    def _used(self, node: NodeName, domains: Iterable[Domain]) -> dict[str, Used]:
        by_file = {entry_of(path): Used(node, d) for d in domains for path in self.files_of(d)}
        return by_file | {d.uuid: Used(node, d) for d in domains}

    def files_of(self, domain: Domain) -> list[str]:
        """Return the files of a domain that are in the directory, relative to it."""
        root = f"{self.facts.listing.path}/"
        return [path.removeprefix(root) for path in domain.files if path.startswith(root)]

    @cached_property
    def disks(self) -> dict[str, list[Disk]]:
        """The disks in each entry."""
        found: dict[str, list[Disk]] = defaultdict(list)
        for disk in self.facts.listing.disks:
            found[entry_of(disk.path)].append(disk)
        return found

    @cached_property
    def users(self) -> dict[str, tuple[str, ...]]:
        """The entries whose disks rest on a file, by that file."""
        found: dict[str, set[str]] = defaultdict(set)
        for disk in self.facts.listing.disks:
            for path in disk.chain:
                found[path].add(entry_of(disk.path))
        return {path: tuple(sorted(names)) for path, names in found.items()}

    def fault(self, entry: str) -> str:
        """Return what is wrong with the disks of an entry; empty for nothing."""
        return "; ".join(disk.fault for disk in self.disks.get(entry, ()) if disk.fault)

    def complaint(self, entry: str) -> str:
        """Return why an entry could not be read as a whole; empty where it could."""
        marks = (f"./{entry}/", f"./{entry}'", f"./{entry}:")
        return next((c for c in self.facts.listing.complaints if any(mark in c for mark in marks)), "")

    def record(self, instance: InstanceId | None) -> Instance | None:
        """Return nova's record of an instance that is not deleted."""
        return self.facts.nova.instances.get(instance) if instance else None

    def counted(self, record: Instance) -> bool:
        """Return whether nova's image cache on this node counts an instance among those that need its files."""
        if record.host == self.facts.node:
            return True
        registered = self.facts.listing.registered
        if record.host not in self.sharing or registered is None:
            return record.host in self.sharing
        seen = registered.get(record.host)
        return seen is not None and self.facts.at - seen < REGISTERED
