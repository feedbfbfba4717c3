"""What a console says against a guest's boot, and what it does not."""

from __future__ import annotations

from stackmend.rules.console import RECENT_LINES, plain, trouble

PANIC = "[    2.5] Kernel panic - not syncing: Attempted to kill init!\n"


def test_a_panic_is_counted_once_each() -> None:
    sign = trouble(PANIC + "[    2.6] ---[ end Kernel panic - not syncing: Attempted to kill init! ]---\n" + PANIC)
    assert sign is not None
    assert (sign.code, sign.times) == ("kernel-panic", 2)


def test_a_guest_that_went_on_is_well() -> None:
    assert trouble(PANIC + "beat\n" * (RECENT_LINES - 1)) is not None
    assert trouble(PANIC + "beat\n" * (RECENT_LINES + 1)) is None


def test_an_empty_or_a_quiet_console_shows_nothing() -> None:
    assert trouble("") is None
    assert trouble("login: ") is None


def test_what_steers_a_terminal_is_taken_out() -> None:
    assert plain("\x1b[2J\x1b]0;title\x07ok\x1b[1;31mred\x1b[0m\r") == "]0;titleokred"
