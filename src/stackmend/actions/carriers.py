"""The two nova-computes that carry a migration: awaited before it is asked for, watched while it lasts."""

from __future__ import annotations

from stackmend.actions.base import Context
from stackmend.actions.migration_errors import carrier_down, lost
from stackmend.adapters.patience import patiently
from stackmend.adapters.world import World
from stackmend.domain.instance import ComputeService, Migration
from stackmend.domain.move import Move
from stackmend.facts import services
from stackmend.rules.migration import COPYING, PASSING

ALIVE_EVERY_SECONDS = 10.0
COMES_BACK_SECONDS = 150.0
"""How long a nova-compute may be down before a move: after a restart of RabbitMQ its heartbeat stays away for the
minute that a lost call takes to time out, and then nova needs up to another to believe it again."""
COPY_SECONDS = 3600.0
"""How long a cold migration may copy a disk before a person is asked; nova tells nothing of its progress."""


def wait_until_up(world: World, move: Move, context: Context) -> None:
    """Return when nova takes the nova-computes of both nodes for alive: its scheduler refuses a move between others.

    Raises:
        Failed: one stays down; at once where it was forced down.
    """

    def both_up() -> bool | None:
        down = _down(world, move)
        if any(s.forced_down for s in down):
            raise carrier_down(move, down, "before it was moved")
        if down:
            context.progress(f"waiting for nova-compute on {down[0].host}, which nova takes for down")
        return None if down else True

    in_time = world.clock.wait_for(both_up, timeout=COMES_BACK_SECONDS, interval=2.0)
    if in_time is None and (down := _down(world, move)):
        raise carrier_down(move, down, "before it was moved")


class Carriers:
    """Sees that somebody still carries a migration: without that its record never ends."""

    def __init__(self, world: World, move: Move) -> None:
        self._world = world
        self._move = move
        now = world.clock.monotonic()
        self._seen: tuple[str, float] = ("", now)
        self._up_until = now
        self._next = now + ALIVE_EVERY_SECONDS

    def check(self, record: Migration) -> None:
        """Raise ``Failed`` where a nova-compute stays down, or nova has lost the migration."""
        self._check_status(record.status)
        if self._world.clock.monotonic() >= self._next:
            self._check_up(record)

    def _check_status(self, status: str) -> None:
        """Raise ``Failed`` where a status that cannot last lasts."""
        now = self._world.clock.monotonic()
        if status != self._seen[0]:
            self._seen = (status, now)
        limit = self._move.patience if status in PASSING else COPY_SECONDS if status in COPYING else None
        if limit is not None and now - self._seen[1] > limit:
            raise lost(self._move, status, limit)

    def _check_up(self, record: Migration) -> None:
        now = self._world.clock.monotonic()
        self._next = now + ALIVE_EVERY_SECONDS
        down = _down(self._world, self._move)
        if not down:
            self._up_until = now
        elif now - self._up_until > self._move.patience:
            raise carrier_down(
                self._move, down, f"while it is being moved (nova's record {record.id} says {record.status})"
            )


def _down(world: World, move: Move) -> list[ComputeService]:
    every = patiently(world.clock, lambda: services.compute_services(world))
    return [s for s in every if s.host in {move.source, move.target} and not s.up]
