"""A read-only session on one database server, through a controller; and, beside it, single transactions that write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, TypeAlias

import pymysql
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from stackmend.adapters.database.change import Change
from stackmend.adapters.database.writing import carry_out
from stackmend.adapters.ssh import Ssh
from stackmend.domain.values import NodeName, Secret
from stackmend.errors import Code, Failed

CONNECT_SECONDS = 10
QUERY_SECONDS = 10
_MARIADB = "SET SESSION tx_read_only=1, max_statement_time={seconds}"
_MYSQL = "SET SESSION transaction_read_only=1, max_execution_time={seconds}000"

_UNREACHABLE = frozenset({2002, 2003, 2006, 2013, 1040, 1053, 1152, 1184})
"""Codes of MySQL's and MariaDB's errors for no server, a server that goes away, or too many connections."""
_TIMED_OUT = frozenset({1969, 3024})

_Connection: TypeAlias = "pymysql.connections.Connection[Any]"


class Session:
    """Queries on one database. The server is asked to refuse writes and to end what takes too long.

    Args:
        ssh: reaches the controller.
        controller: the node whose view of the network the URL has.
        url: of the database.
        cell: UUID of the cell of nova whose database it is; empty for none.

    Raises:
        Failed: DATABASE_REFUSED where it is neither MySQL nor MariaDB; what SSH to the controller raises.
    """

    def __init__(self, ssh: Ssh, controller: NodeName, url: Secret, cell: str = "") -> None:
        self.cell = cell
        self._url = _parsed(url)
        self._place = f"{self._url.host}:{self._url.port or 3306}/{self._url.database}"
        self._controller = controller
        self._stack = ExitStack()
        self._port = self._stack.enter_context(ssh.forward(controller, str(self._url.host), self._url.port or 3306))
        self._engine = sa.create_engine("mysql+pymysql://", creator=self._connect, pool_size=4, pool_pre_ping=True)
        self._stack.callback(self._engine.dispose)

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the rows of a query.

        Raises:
            Failed: DATABASE_UNREACHABLE, DATABASE_REFUSED.
        """
        try:
            with self._engine.connect() as connection:
                return [dict(row) for row in connection.execute(sa.text(sql), parameters).mappings()]
        except (sa.exc.DBAPIError, pymysql.MySQLError) as error:
            raise self._meaning(error) from None

    def change(self, changes: Sequence[Change]) -> tuple[str, ...]:
        """Make changes in one transaction, on a connection of its own that may write; see ``writing.carry_out``.

        Raises:
            Failed: DATABASE_UNREACHABLE, DATABASE_REFUSED; the changes may be made where the end of it was lost.
        """
        try:
            return carry_out(self._dial(), changes)
        except pymysql.MySQLError as error:
            raise self._meaning(error) from None

    def close(self) -> None:
        """Close the connections and the way to the server."""
        self._stack.close()

    def _connect(self) -> _Connection:
        connection = self._dial()
        server = str(connection.get_server_info())  # type: ignore[no-untyped-call]
        limits = _MARIADB if "mariadb" in server.lower() else _MYSQL
        with connection.cursor() as cursor:
            cursor.execute(limits.format(seconds=QUERY_SECONDS))
        return connection

    def _dial(self) -> _Connection:
        return pymysql.connect(
            host="127.0.0.1",
            port=self._port,
            user=self._url.username,
            password=self._url.password or "",
            database=self._url.database,
            charset="utf8mb4",
            connect_timeout=CONNECT_SECONDS,
            read_timeout=QUERY_SECONDS + CONNECT_SECONDS,
            write_timeout=CONNECT_SECONDS,
            ssl=_tls(self._url),
        )

    def _meaning(self, error: Exception) -> Failed:
        original = getattr(error, "orig", None) or error
        number = original.args[0] if original.args and isinstance(original.args[0], int) else 0
        said = str(original.args[-1]) if original.args else type(original).__name__
        evidence = {"database": self._place, "by way of": self._controller, "error": f"{number} {said}"}
        if number in _UNREACHABLE:
            sentence = f"the database at {self._place} cannot be reached from {self._controller}: {said}"
            return Failed(Code.DATABASE_UNREACHABLE, sentence, hint="check MariaDB there", evidence=evidence)
        if number in _TIMED_OUT:
            said = f"the query took longer than {QUERY_SECONDS} seconds"
        return Failed(Code.DATABASE_REFUSED, f"the database at {self._place} refused: {said}", evidence=evidence)


def _parsed(url: Secret) -> URL:
    """Return the URL in parts; whatever is wrong with it, it does not show in the error."""
    try:
        parsed = make_url(url.reveal())
    except sa.exc.ArgumentError:
        parsed = None
    if parsed is None or not parsed.drivername.startswith(("mysql", "mariadb")):
        kind = parsed.drivername if parsed else "no URL that SQLAlchemy can read"
        raise Failed(Code.DATABASE_REFUSED, f"the database is {kind}; only MySQL and MariaDB are read")
    return parsed


def _tls(url: URL) -> dict[str, Any] | None:
    """Ask for TLS where nova does; unchecked, for SSH has led to the controller already, and nova's CA lies there."""
    return {"check_hostname": False} if any(key.startswith("ssl") for key in url.query) else None
