"""The journal's tables and statements, and opening its database."""

from __future__ import annotations

import re
import sqlite3
from datetime import datetime
from pathlib import Path

from stackmend.errors import Code, Refused

VERSION = 1
FILE_NAME = "journal.db"
BUSY_SECONDS = 30.0
"""How long a writer waits for another process's transaction, which takes milliseconds."""

TABLES = (
    """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        place TEXT NOT NULL,
        subject TEXT NOT NULL,
        plan TEXT NOT NULL,
        created TEXT NOT NULL,
        actor TEXT NOT NULL,
        reason TEXT NOT NULL,
        closed TEXT
    ) STRICT
    """,
    # The rule of one open run a subject is kept by the database itself, whatever a program does.
    "CREATE UNIQUE INDEX one_open_run ON runs (place, subject) WHERE closed IS NULL",
    """
    CREATE TABLE records (
        run TEXT NOT NULL REFERENCES runs (id),
        seq INTEGER NOT NULL,
        at TEXT NOT NULL,
        kind TEXT NOT NULL,
        step TEXT NOT NULL,
        sentence TEXT NOT NULL,
        data TEXT NOT NULL,
        PRIMARY KEY (run, seq)
    ) STRICT, WITHOUT ROWID
    """,
)

OPEN_RUN_OF = "SELECT id FROM runs WHERE place = ? AND subject = ? AND closed IS NULL"
ADD_RUN = "INSERT INTO runs (id, place, subject, plan, created, actor, reason) VALUES (?, ?, ?, ?, ?, ?, ?)"
ADD_RECORD = """
    INSERT INTO records (run, seq, at, kind, step, sentence, data)
    SELECT ?, COALESCE(MAX(seq), 0) + 1, ?, ?, ?, ?, ? FROM records WHERE run = ? RETURNING seq
"""
CLOSE_RUN = "UPDATE runs SET closed = ? WHERE id = ?"
RUN = "SELECT id, place, plan, created, actor, reason FROM runs WHERE id = ?"
RUN_IDS = "SELECT id FROM runs ORDER BY created, rowid"
OPEN_RUN_IDS = "SELECT id FROM runs WHERE closed IS NULL ORDER BY created, rowid"
RECORDS = "SELECT seq, at, kind, step, sentence, data FROM records WHERE run = ? ORDER BY seq"
RECORDS_OF_STEP = "SELECT seq, at, kind, step, sentence, data FROM records WHERE run = ? AND step = ? ORDER BY seq"


def run_id(subject: str, now: datetime) -> str:
    """Return an id that says when and on what, such as ``r-20261122-1604-c01``; fit for a file name."""
    return f"r-{now:%Y%m%d-%H%M}-{re.sub(r'[^A-Za-z0-9._-]+', '-', subject)}"


def open_database(directory: Path) -> sqlite3.Connection:
    """Open the journal's database in the directory, and make it where it is missing.

    Raises:
        Refused: it cannot be read or written, or is of another schema version.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = sqlite3.connect(
            directory / FILE_NAME, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
    except (OSError, sqlite3.Error) as error:
        raise unusable(directory, str(error)) from error
    try:
        _prepare(connection, directory)
    except sqlite3.Error as error:
        connection.close()
        raise unusable(directory, str(error)) from error
    except Refused:
        connection.close()
        raise
    return connection


def unusable(directory: Path, why: str) -> Refused:
    """Return the error of a journal that cannot be used; ``why`` in SQLite's or the system's own words."""
    return Refused(
        Code.JOURNAL_UNUSABLE,
        f"the journal {directory / FILE_NAME} cannot be used: {why}",
        hint="check the directory's owner, mode and free space, or name another with STACKMEND_STATE",
    )


def _prepare(connection: sqlite3.Connection, directory: Path) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("BEGIN IMMEDIATE")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0 and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        for statement in (*TABLES, f"PRAGMA user_version={VERSION}"):
            connection.execute(statement)
    elif version != VERSION:
        why = f"it is of schema version {version}, this stackmend writes version {VERSION}"
        raise unusable(directory, why)
    connection.execute("COMMIT")
