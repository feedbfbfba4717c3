"""Questions to nova's and Cinder's databases, for when their APIs are down."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from stackmend.adapters import oslo_config
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
_CELLS = "select database_connection from cell_mappings"


class Databases:
    """Nova's API database, the databases of its cells, and Cinder's database, read only.

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
        try:
            return [row for session in self._opened(which) for row in session.rows(sql, parameters or {})]
        except Failed as error:
            if error.code is not Code.DATABASE_UNREACHABLE or not self._forget(which):
                raise
        return [row for session in self._opened(which) for row in session.rows(sql, parameters or {})]

    def close(self) -> None:
        """Close every session; may be called twice."""
        for which in _SECTIONS:
            self._forget(which)

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
        urls = [Secret(cell_url(cell, own)) for cell in cells] or [Secret(own)]
        return self._open(which, controller, urls)

    def _open(self, which: Which, controller: NodeName, urls: list[Secret]) -> tuple[Session, ...]:
        from stackmend.adapters.database.session import Session  # noqa: PLC0415 - late, because it is slow

        with self._lock:
            if which not in self._sessions:
                self._sessions[which] = tuple(Session(self._ssh, controller, url) for url in urls)
            return self._sessions[which]

    def _cells(self) -> list[str]:
        """Return the connection URLs or templates of the cells; none where nova_api cannot say."""
        try:
            return [str(row["database_connection"]) for row in self.rows("nova_api", _CELLS)]
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
