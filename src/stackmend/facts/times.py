"""Points in time as the services write them."""

from __future__ import annotations

from datetime import UTC, datetime


def utc(text: str | None) -> datetime | None:
    """Return a service's time stamp; they mean UTC, with or without a ``Z``; None for none."""
    if not text:
        return None
    stamp = datetime.fromisoformat(text)
    return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)


def of_systemd(text: str) -> datetime | None:
    """Return the time that ``systemctl show`` printed with TZ=UTC, such as ``Sun 2026-11-22 16:25:29 UTC``."""
    if not text or text == "n/a":
        return None
    return datetime.strptime(text, "%a %Y-%m-%d %H:%M:%S %Z").replace(tzinfo=UTC)
