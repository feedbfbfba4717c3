"""What the end of a guest's console says against its boot."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

CHANCE = 2
"""How many panics in a row may be over with one more start; a guest that panics more often does so at each."""

RECENT_LINES = 40
"""A sign that is followed by more lines than this is of a boot that went on, or of one before."""

PROMPT_LINES = 10
"""A prompt within so many lines of a failed check is that check's: busybox's greeting stands between them."""

_SIGNS: Mapping[str, re.Pattern[str]] = {
    "kernel-panic": re.compile(r"Kernel panic - not syncing: ?(.*)"),
    "fsck-prompt": re.compile(
        r"UNEXPECTED INCONSISTENCY|RUN fsck MANUALLY|run fsck manually|requires a manual fsck"
        r"|Give root password for maintenance"
        r"|Press Enter for maintenance|You are in emergency mode|Entering emergency mode"
    ),
    "boot-prompt": re.compile(r"^\(initramfs\)|^dracut:/#|^grub rescue>|^grub>|No bootable device|Boot failed"),
}
_END_OF_PANIC = "---[ end"
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Sign:
    """Trouble that a console shows.

    Attributes:
        code: kernel-panic, fsck-prompt or boot-prompt.
        line: the line that tells, without control characters.
        times: how often it shows.
    """

    code: str
    line: str
    times: int


def trouble(text: str) -> Sign | None:
    """Return the last sign of trouble on a console; None where there is none, or the guest has gone on since."""
    lines = [line for line in map(plain, text.splitlines()) if line.strip()]
    last: tuple[int, str] | None = None
    checked = -RECENT_LINES
    counts = dict.fromkeys(_SIGNS, 0)
    for number, line in enumerate(lines):
        if _END_OF_PANIC in line:
            continue
        for code, pattern in _SIGNS.items():
            if pattern.search(line):
                counts[code] += 1
                checked = number if code == "fsck-prompt" else checked
                ours = code == "boot-prompt" and number - checked <= PROMPT_LINES
                last = (checked, "fsck-prompt") if ours else (number, code)
    if last is None or len(lines) - last[0] > RECENT_LINES:
        return None
    return Sign(last[1], lines[last[0]].strip(), counts[last[1]])


def plain(line: str) -> str:
    """Return a line without what would steer a terminal: a guest writes what it likes."""
    return _CONTROL.sub("", line)
