"""The journal: the one record of what runs did, append-only, in SQLite.

Nothing else remembers a run. Its state is read by folding its records (``stackmend.engine.fold``), so there are no two
stores that could disagree after a kill. ``append`` returns after the record is on the disk: write-ahead log with
``synchronous=FULL`` (docs/adr/0001-journal-is-the-state.md says why, and what it costs).
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stackmend.domain.plan import Plan
from stackmend.domain.run import Kind, Record
from stackmend.domain.values import JsonObject, RunId, StepId
from stackmend.engine import schema
from stackmend.errors import Code, Failed, Refused

CLOSING = frozenset({Kind.RUN_DONE, Kind.RUN_ABORTED, Kind.RUN_UNDONE})


@dataclass(frozen=True)
class Header:
    """What is fixed about a run when it is made.

    Attributes:
        id: of the run.
        place: where it is carried out, such as a cloud's name; it is taken up again only there.
        plan: the very plan that was shown.
        created: UTC.
        actor: who started it.
        reason: the operator's reason or ticket; empty for none.
    """

    id: RunId
    place: str
    plan: Plan
    created: datetime
    actor: str
    reason: str


class SubjectBusy(Exception):  # noqa: N818 - the engine turns it into the error a person sees
    """An open run holds the subject; ``args`` is its id."""


class Journal:
    """An open journal; threads may share it.

    Args:
        directory: the state directory; made where it is missing, for its owner alone.

    Raises:
        Refused: the journal cannot be read or written, or is of another schema version.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = threading.Lock()
        self._connection = schema.open_database(directory)

    def close(self) -> None:
        """Close the database; may be called twice."""
        with self._lock:
            self._connection.close()

    def create(self, plan: Plan, *, place: str, actor: str, reason: str) -> RunId:
        """Make a run with its first record, unless an open run holds the plan's subject there; one transaction.

        Raises:
            SubjectBusy: an open run holds the subject.
            Failed: the journal cannot be written.
        """
        now = datetime.now(UTC)
        text = _to_text(plan.to_json())
        with self._writing() as connection:
            busy = connection.execute(schema.OPEN_RUN_OF, (place, plan.subject)).fetchone()
            if busy is not None:
                raise SubjectBusy(busy[0])
            run_id = _free_id(connection, schema.run_id(plan.subject, now))
            connection.execute(schema.ADD_RUN, (run_id, place, plan.subject, text, now.isoformat(), actor, reason))
            words = f"{actor} started: {plan.title}"
            connection.execute(schema.ADD_RECORD, (run_id, now.isoformat(), Kind.RUN_STARTED, "", words, "{}", run_id))
        return run_id

    def append(self, run: RunId, kind: Kind, step: StepId, sentence: str, data: JsonObject) -> Record:
        """Write one record and return it as a reader would read it, after it is on the disk.

        Raises:
            Failed: the journal cannot be written; the record is not there.
            TypeError: ``data`` holds something that is no JSON, such as a ``Secret``.
        """
        text = _to_text(data)
        now = datetime.now(UTC)
        with self._writing() as connection:
            row = connection.execute(schema.ADD_RECORD, (run, now.isoformat(), kind, step, sentence, text, run))
            seq = int(row.fetchone()[0])
            if kind in CLOSING:
                connection.execute(schema.CLOSE_RUN, (kind, run))
        return Record(seq, now, kind, step, sentence, json.loads(text))

    def header(self, run: RunId) -> Header | None:
        """Return what is fixed about a run; None where there is none with that id."""
        rows = self._read(schema.RUN, (run,))
        return _header(rows[0]) if rows else None

    def run_ids(self, *, open_only: bool = False) -> tuple[RunId, ...]:
        """Return the ids of all runs, or of the open ones, oldest first."""
        query = schema.OPEN_RUN_IDS if open_only else schema.RUN_IDS
        return tuple(RunId(row[0]) for row in self._read(query, ()))

    def records(self, run: RunId, *, step: StepId | None = None) -> tuple[Record, ...]:
        """Return a run's records in order; only those of one step where it is given."""
        if step is None:
            return tuple(_record(row) for row in self._read(schema.RECORDS, (run,)))
        return tuple(_record(row) for row in self._read(schema.RECORDS_OF_STEP, (run, step)))

    def _read(self, query: str, args: tuple[str, ...]) -> list[Any]:
        with self._lock:
            try:
                return self._connection.execute(query, args).fetchall()
            except sqlite3.Error as error:
                raise schema.unusable(self.directory, str(error)) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One immediate transaction; an error of the database becomes ``Failed``, and nothing of it is kept."""
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                    self._connection.execute("COMMIT")
                finally:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
            except sqlite3.Error as error:
                raise _unwritable(self.directory, error) from error


def _unwritable(directory: Path, error: sqlite3.Error) -> Refused | Failed:
    if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
        return Failed(
            Code.JOURNAL_UNUSABLE,
            f"the disk of {directory} is full, so nothing more can be journaled",
            hint="make room there, then go on with stackmend runs resume",
        )
    return schema.unusable(directory, str(error))


def _free_id(connection: sqlite3.Connection, wanted: str) -> RunId:
    candidate, number = wanted, 1
    while connection.execute("SELECT 1 FROM runs WHERE id = ?", (candidate,)).fetchone():
        number += 1
        candidate = f"{wanted}-{number}"
    return RunId(candidate)


def _to_text(data: object) -> str:
    return json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def _header(row: tuple[str, str, str, str, str, str]) -> Header:
    run, place, plan, created, actor, reason = row
    return Header(RunId(run), place, Plan.from_json(json.loads(plan)), datetime.fromisoformat(created), actor, reason)


def _record(row: tuple[int, str, str, str, str, str]) -> Record:
    seq, at, kind, step, sentence, data = row
    return Record(seq, datetime.fromisoformat(at), Kind(kind), StepId(step), sentence, json.loads(data))
