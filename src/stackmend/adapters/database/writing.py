"""One transaction on one database: all of its changes, each of exactly one row, or none of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pymysql

from stackmend.adapters.database.change import Change

if TYPE_CHECKING:
    Connection = pymysql.connections.Connection[Any]

LOCK_SECONDS = 10
"""How long a row may be locked by somebody else before the transaction is given up."""


def carry_out(connection: Connection, changes: Sequence[Change]) -> tuple[str, ...]:
    """Make changes in one transaction; return those that did not match one row, for which all are rolled back.

    Nothing is tried twice: a COMMIT whose answer is lost is settled by reading back, which is the caller's.

    Args:
        connection: that may write; it is closed at the end.
        changes: in the order in which their rows are locked.

    Raises:
        pymysql.MySQLError: the server refused, or went away; where that was at the end, the changes may be made.
    """
    try:
        connection.begin()
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION innodb_lock_wait_timeout={LOCK_SECONDS}")
            wrong = tuple(c.what for c in changes if cursor.execute(c.sql, dict(c.parameters)) != 1)
        if wrong:
            connection.rollback()
        else:
            connection.commit()
        return wrong
    finally:
        connection.close()
