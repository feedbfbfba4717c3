"""Whether nova still goes on with an evacuation whose record is open, where its target's nova-compute is up. Pure.

Invariant: one that nova may still be working on is never said to be dropped. Nova itself leaves such a record open for
ever: no periodic task of it looks for evacuations whose nova-compute died, or whose message was lost with RabbitMQ.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from stackmend.domain.instance import Instance, Migration
from stackmend.rules.sight import SKEW

CATCH_UP = timedelta(seconds=20)
"""How long a nova-compute that began anew may take to read a message that has waited for it."""

LOST = timedelta(minutes=2)
"""How long a message may be on its way: a target that is up reads it at once."""

ENDING = timedelta(minutes=1)
"""How long after it ceased to work on an instance nova may take to say so in the record."""


def began_since(record: Migration, began: datetime | None) -> bool:
    """Return whether the target's nova-compute began anew after it last wrote to the record."""
    moved = record.updated or record.created
    return began is not None and moved is not None and began > moved + SKEW


def dropped(record: Migration, instance: Instance, began: datetime | None, now: datetime) -> str:
    """Return why nova goes on with an open evacuation no more; empty where it may still.

    Args:
        record: the evacuation.
        instance: as nova has it.
        began: when the target's nova-compute was last started; None where that is not known.
        now: the time.
    """
    moved = record.updated or record.created
    if moved is None:
        return ""
    if began is not None and began_since(record, began) and now >= began + CATCH_UP:
        return f"nova-compute on {record.target} began anew in the middle of it"
    if record.status == "accepted" and now - moved > LOST:
        return f"nova-compute on {record.target} has not taken it up in {LOST.total_seconds():.0f} s"
    if not instance.task_state and now - moved > ENDING:
        return "nova works on the instance no more, and has not ended the record"
    return ""
