"""Reading nova's migration records: whether one still runs, ended well or badly, and whether a live one converges."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

from stackmend.domain.instance import Migration

# nova.objects.migration: statuses after which the record no longer changes
ENDED_WELL = frozenset({"completed", "done", "confirmed", "finished"})
ENDED_BADLY = frozenset({"error", "failed", "cancelled", "reverted"})


class Phase(enum.StrEnum):
    """Where a migration stands."""

    UNDERWAY = "underway"
    WELL = "well"
    BADLY = "badly"


def phase(record: Migration) -> Phase:
    """Return where a record stands; statuses that nova may add later count as under way."""
    if record.status in ENDED_WELL:
        return Phase.WELL
    return Phase.BADLY if record.status in ENDED_BADLY else Phase.UNDERWAY


# statuses that nova passes through soon, unless it has lost the migration or has an image to fetch first
PASSING = frozenset({"accepted", "preparing", "pre-migrating", "post-migrating", "confirming"})
# the status of a cold migration while its disk is copied
COPYING = frozenset({"migrating"})


def since(records: Sequence[Migration], after: int) -> Migration | None:
    """Return the newest record with an id greater than ``after``; None where there is none."""
    return max((r for r in records if r.id > after), key=lambda r: r.id, default=None)


@dataclass(frozen=True)
class Convergence:
    """Whether a live migration's rest to copy still shrinks.

    Attributes:
        patience: seconds without a new lowest rest after which it is taken for not converging.
        lowest: fewest bytes left so far; None before the first sample.
        since: when that was seen, in seconds of a monotonic clock.
    """

    patience: float
    lowest: int | None = None
    since: float = 0.0

    def with_sample(self, remaining: int | None, now: float) -> Convergence:
        """Return the state after a sample: bytes left, at ``now`` seconds; None where nova does not say."""
        if remaining is None or (self.lowest is not None and remaining >= self.lowest):
            return self
        return replace(self, lowest=remaining, since=now)

    def stalled(self, now: float) -> bool:
        """Return whether the rest has not shrunk for longer than the patience."""
        return self.lowest is not None and now - self.since > self.patience
