"""Questions to nova's and Cinder's databases, for when their APIs are down; and guarded changes of nova's cells."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from stackmend.adapters import oslo_config
from stackmend.adapters.database.change import Change
from stackmend.adapters.database.urls import cell_url
from stackmend.adapters.ssh import Ssh
from stackmend.domain.node import Inventory, Role
from stackmend.domain.values import NodeName, Secret
from stackmend.errors import Code, Failed, StackmendError

if TYPE_CHECKING:
    from stackmend.adapters.database.session import Session

Which: TypeAlias = Literal["nova_api", "nova", "cinder"]

_SECTIONS: Mapping[Which, str] = {"nova_api": "api_database", "nova": "database", "cinder": "database"}
_NOVA = ("nova-conductor", "nova-api", "nova-scheduler")
_BINARIES: Mapping[Which, tuple[str, ...]] = {
    "nova_api": _NOVA,
    "nova": _NOVA,
    "cinder": ("cinder-api", "cinder-scheduler", "cinder-volume"),
}
_CELLS = "select uuid, database_connection from cell_mappings"


class Databases:
    """Nova's API database, the databases of its cells, and Cinder's database; read only, but for ``change``.

    The connection URLs are read over SSH from a controller's configuration of the service, and the servers are reached
    through that controller, so nothing need be open to the outside. Nothing is read or imported before the first query.
    Every method may be called from any thread.

    Args:
        inventory: says which nodes are controllers.
        ssh: reaches them.
    """

    def __init__(self, inventory: Inventory, ssh: Ssh) -> None:
        self._inventory = inventory
        self._ssh = ssh
        self._lock = threading.Lock()
        self._sessions: dict[Which, tuple[Session, ...]] = {}

    def rows(self, which: Which, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the rows of a query; of every cell, cell0 too, where it is ``nova`` that is asked.

        Args:
            which: ``nova_api``, ``nova`` or ``cinder``.
            sql: a query, parameters written as ``:name``; put a LIMIT to it.
            parameters: their values.

        Raises:
            Failed: DATABASE_UNREACHABLE; DATABASE_REFUSED for a login, a query or a time limit.
        """
        return [row for rows in self._asked(which, sql, parameters or {}).values() for row in rows]

    def rows_by_cell(self, sql: str, parameters: Mapping[str, Any] | None = None) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of a query of each cell of nova, by the UUID of the cell's mapping.

        A cell is called by the empty string where nova's API database does not tell which there are.

        Raises:
            Failed: as ``rows``.
        """
        return self._asked("nova", sql, parameters or {})

    def change(self, cell: str, changes: Sequence[Change]) -> tuple[str, ...]:
        """Make changes in a cell of nova, all in one transaction and each of one row, or none; never tried twice.

        Args:
            cell: UUID of its mapping.
            changes: in the order in which their rows are locked.

        Returns:
            The rows that a change did not match. Where there are any, nothing was changed.

        Raises:
            Failed: DATABASE_UNREACHABLE, also for no such cell; DATABASE_REFUSED. Where the answer to the COMMIT was
                lost the changes may be made: read them back.
        """
        session = next((s for s in self._opened("nova") if s.cell == cell), None)
        if session is None:
            raise Failed(Code.DATABASE_UNREACHABLE, f"nova's API database names no cell {cell}")
        return session.change(changes)

    def close(self) -> None:
        """Close every session; may be called twice."""
        for which in _SECTIONS:
            self._forget(which)

    def _asked(self, which: Which, sql: str, parameters: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """Return the rows by cell; once more, with new sessions, where one that was kept is broken."""
        try:
            return {session.cell: session.rows(sql, parameters) for session in self._opened(which)}
        except Failed as error:
            if error.code is not Code.DATABASE_UNREACHABLE or not self._forget(which):
                raise
        return {session.cell: session.rows(sql, parameters) for session in self._opened(which)}

    def _forget(self, which: Which) -> bool:
        """Close what is kept, such as sessions through a broken connection; return whether anything was."""
        with self._lock:
            sessions = self._sessions.pop(which, ())
        for session in sessions:
            session.close()
        return bool(sessions)

    def _opened(self, which: Which) -> tuple[Session, ...]:
        with self._lock:
            kept = self._sessions.get(which)
        if kept is not None:
            return kept
        controller, options = self._configuration(which)
        cells = self._cells() if which == "nova" else []
        own = options.get(_SECTIONS[which], "connection")
        urls = [(cell, Secret(cell_url(template, own))) for cell, template in cells] or [("", Secret(own))]
        return self._open(which, controller, urls)

    def _open(self, which: Which, controller: NodeName, urls: list[tuple[str, Secret]]) -> tuple[Session, ...]:
        from stackmend.adapters.database.session import Session  # noqa: PLC0415 - late, because it is slow

        with self._lock:
            if which not in self._sessions:
                self._sessions[which] = tuple(Session(self._ssh, controller, url, cell) for cell, url in urls)
            return self._sessions[which]

    def _cells(self) -> list[tuple[str, str]]:
        """Return the UUIDs of the cells and their connection URLs or templates; none where nova_api cannot say."""
        try:
            return [(str(row["uuid"]), str(row["database_connection"])) for row in self.rows("nova_api", _CELLS)]
        except Failed:
            return []

    def _configuration(self, which: Which) -> tuple[NodeName, oslo_config.Options]:
        """Return the first controller that knows a database, and the service's options there."""
        reasons = []
        service = _BINARIES[which][0].partition("-")[0]
        for node in self._inventory.with_role(Role.CONTROLLER):
            for binary in _BINARIES[which]:
                try:
                    shown = self._ssh.run(node.name, oslo_config.reading_script(binary)).stdout
                except StackmendError as error:
                    reasons.append(error.sentence)
                    break
                options = oslo_config.parse(shown)
                if options.get("database", "connection"):
                    return node.name, options
            else:
                reasons.append(f"{service}'s configuration on {node.name} names no database")
        raise Failed(
            Code.DATABASE_UNREACHABLE,
            f"no controller tells where {service}'s database is" + (f": {'; '.join(reasons)}" if reasons else ""),
            hint="" if reasons else "give a node the role controller in the inventory",
        )
