"""Points in time as the services write them."""

from __future__ import annotations

from datetime import UTC, datetime


def utc(text: str | None) -> datetime | None:
    """Return a service's time stamp; they mean UTC, with or without a ``Z``; None for none."""
    if not text:
        return None
    stamp = datetime.fromisoformat(text)
    return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
