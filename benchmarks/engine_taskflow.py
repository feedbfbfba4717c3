"""One measurement of TaskFlow: ``engine_taskflow.py SHAPE N SYNC``; see ``bench_engine.py``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from engine_cost import THREADS, child
from taskflow import engines, task
from taskflow.patterns import linear_flow, unordered_flow
from taskflow.persistence.backends import impl_sqlalchemy
from taskflow.persistence.models import FlowDetail, LogBook


class Cached(impl_sqlalchemy.SQLAlchemyBackend):  # type: ignore[misc]
    """Without this, every call prepares all statements anew: 32 ms and 0.7 MB a step."""

    _cached: impl_sqlalchemy.Connection | None = None

    def get_connection(self) -> impl_sqlalchemy.Connection:
        """Return the one connection."""
        if self._cached is None:
            self._cached = super().get_connection()
        return self._cached


class Nothing(task.Task):  # type: ignore[misc]
    """A task that changes nothing."""

    def execute(self) -> dict[str, int]:
        """Do nothing."""
        return {"seconds": 0}


def taskflow(directory: Path, shape: str, n: int, sync: str) -> Callable[[], None]:
    """Return the call that runs a TaskFlow flow of ``n`` tasks with SQL persistence."""

    def tune(connection: sa.PoolProxiedConnection, _: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={sync}")

    engine = sa.create_engine(
        f"sqlite:///{directory}/flow.db", connect_args={"check_same_thread": False, "timeout": 30}
    )
    sa.event.listen(engine, "connect", tune)
    backend = Cached({"connection": "sqlite://"}, engine=engine)
    backend.get_connection().upgrade()
    flow = linear_flow.Flow("bench") if shape == "linear" else unordered_flow.Flow("bench")
    flow.add(*(Nothing(f"step-{i}") for i in range(n)))
    book, detail = LogBook("bench"), FlowDetail("bench", "00000000-0000-0000-0000-000000000001")
    book.add(detail)
    backend.get_connection().save_logbook(book)
    how = {"engine": "serial"} if shape == "linear" else {"engine": "parallel", "max_workers": THREADS}
    made = engines.load(flow, flow_detail=detail, book=book, backend=backend, **how)
    return made.run  # type: ignore[no-any-return]


if __name__ == "__main__":
    child(taskflow)
