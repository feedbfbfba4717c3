"""``stackmend instance``: what is done to one instance."""

from __future__ import annotations

import click

from stackmend.cli.rescuing import rescue


@click.group()
def instance() -> None:
    """Look after single instances."""


instance.add_command(rescue)
