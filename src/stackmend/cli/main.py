"""The command line's root; command groups are imported when they are called."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
