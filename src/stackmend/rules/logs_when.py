"""Points in time as a person types them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])(?: ago)?")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_CLOCK = re.compile(r"\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?")


def moment(text: str, now: datetime) -> datetime:
    """Return the time that a text means: ``10m`` (ago), ``13:05`` (today), or ISO 8601; UTC where it names no zone.

    Args:
        text: what was typed.
        now: the time.

    Raises:
        ValueError: it means none.
    """
    text = text.strip()
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return now - timedelta(seconds=float(ago.group(1)) * _UNITS[ago.group(2)])
    if _CLOCK.fullmatch(text):
        text = f"{now.date().isoformat()}T{text.rjust(5, '0') if text.count(':') == 1 else text}"
    stamp = datetime.fromisoformat(text)
    return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
