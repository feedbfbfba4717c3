"""What the state directory remembers of a lab: its shape, and whether it was brought up to its end."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

from stackmend.lab.settings import Settings

_SHAPE, _READY = "lab.json", "ready"


def remember(settings: Settings) -> None:
    """Write down the shape of a lab that is about to be made."""
    shape = {
        "cache": str(settings.cache),
        "bridge": settings.bridge,
        "subnet": str(settings.subnet),
        "computes": settings.computes,
    }
    (settings.state / _SHAPE).write_text(json.dumps(shape))


def recall(settings: Settings) -> Settings:
    """Return the settings of the lab that is in the state directory; the ones given where there is none.

    Args:
        settings: whose state directory is looked at.
    """
    try:
        shape = json.loads((settings.state / _SHAPE).read_text())
        return replace(
            settings,
            cache=Path(shape["cache"]),
            bridge=shape["bridge"],
            subnet=IPv4Network(shape["subnet"]),
            computes=shape["computes"],
        )
    except (FileNotFoundError, PermissionError, NotADirectoryError, ValueError, KeyError):
        return settings


def mark_ready(settings: Settings) -> None:
    """Write down that the lab came up to its end."""
    (settings.state / _READY).touch()


def unmark_ready(settings: Settings) -> None:
    """Write down that the lab is none that can be used."""
    (settings.state / _READY).unlink(missing_ok=True)


def is_ready(settings: Settings) -> bool:
    """Return whether the lab came up to its end; its hosts may have lost power since."""
    return (settings.state / _READY).exists()
