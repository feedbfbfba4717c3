"""What a node that comes back still has of instances that are elsewhere, and what shows that they are."""

from __future__ import annotations

from dataclasses import dataclass

from stackmend.domain.instance import Domain, Instance
from stackmend.domain.values import InstanceId


@dataclass(frozen=True)
class Whereabouts:
    """What nova, and the libvirt of the node that it names, say of an instance.

    Attributes:
        record: nova's; a soft-deleted instance has one. None where nova has none, or deleted it.
        deleted: whether nova keeps a record of its deletion.
        there: its domain on the node that nova has it on; None for none.
        silent: why the libvirt there could not be asked; empty where it answered.
    """

    record: Instance | None
    deleted: bool = False
    there: Domain | None = None
    silent: str = ""


@dataclass(frozen=True)
class Proof:
    """Whether an instance is proved elsewhere, or gone.

    Attributes:
        holds: whether it is.
        sentence: by whose word, or what is missing.
    """

    holds: bool
    sentence: str


@dataclass(frozen=True)
class LeftDomain:
    """A domain on a node, of an instance that nova does not have there.

    Attributes:
        domain: as libvirt has it.
        called: its instance, for sentences.
        proof: of where its instance is.
    """

    domain: Domain
    called: str
    proof: Proof

    @property
    def sentence(self) -> str:
        """What there is, and where nova has it."""
        return f"{self.called} is {self.domain.state} there, and {self.proof.sentence}"


@dataclass(frozen=True)
class LeftDirectory:
    """A directory of an instance that nova does not have on the node.

    Attributes:
        name: in the directory of instances.
        inode: its number.
        instance: whose it is.
        sentence: what there is, and who has the instance.
        proof: that it may be put aside, or why it stays.
        holds: whether nova would take it for the instance's own disk, were that sent here again.
    """

    name: str
    inode: int
    instance: InstanceId
    sentence: str
    proof: Proof
    holds: bool
