"""Requests to the APIs: raw JSON in and out, errors in our own words."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from stackmend.adapters.openstack.request import Params, Request
from stackmend.domain.values import JsonObject

if TYPE_CHECKING:
    import requests

    from stackmend.adapters.openstack.session import CloudSession

WRITE_SECONDS = 60.0
STALE_PAGES = 10
"""Pages in a row that may bring nothing new, before a list is taken for one that has no end."""


class OpenStack:
    """A cloud's APIs, by its entry in ``clouds.yaml``.

    Nothing is read or imported before the first request. Services are ``compute``, ``network``, ``placement``,
    ``image``, ``identity`` and ``block-storage`` (by which ``volumev3`` is found too); a path is what follows the
    version in the API reference, such as ``/servers/detail``. Reads are tried again once where the connection was
    refused or broke; writes never are. A token that has expired is renewed once. Every method may be called from any
    thread.

    All methods raise ``Failed`` with AUTH_FAILED, TOKEN_EXPIRED, API_UNREACHABLE (no connection, no answer in time, or
    502, 503, 504), API_NOT_FOUND (404), API_CONFLICT (409) or API_ERROR; and ``Refused`` with CLOUD_UNKNOWN.

    Args:
        cloud: name in ``clouds.yaml``; empty for what the ``OS_`` environment variables say.
        read_seconds: how long to wait for the answer to a read, and for a token.
    """

    def __init__(self, cloud: str, *, read_seconds: float = 30.0) -> None:
        self.cloud = cloud
        self._read_seconds = read_seconds
        self._lock = threading.Lock()
        self._session: CloudSession | None = None

    def get(
        self, service: str, path: str, *, version: str = "", params: Params | None = None, timeout: float | None = None
    ) -> dict[str, Any]:
        """Return the JSON object at a path.

        Args:
            service: type of the service.
            path: after the API's version.
            version: microversion; empty for the service's first.
            params: of the query.
            timeout: seconds to wait for the answer; None for ``read_seconds``.
        """
        return _json(self._send(Request("GET", service, path, version, params, timeout=timeout or self._read_seconds)))

    def get_list(
        self,
        service: str,
        path: str,
        key: str,
        *,
        version: str = "",
        params: Params | None = None,
        timeout: float | None = None,
    ) -> list[dict[str, Any]]:
        """Return all items of a list, each once, page after page.

        What nova is building moves from one of its lists to another, so that a page may bring again what an earlier one
        had, even all of it, and there is more behind.

        Args:
            service: type of the service.
            path: after the API's version.
            key: name of the list in the answer, such as ``servers``.
            version: microversion; empty for the service's first.
            params: of the query.
            timeout: seconds to wait for each page; None for ``read_seconds``.
        """
        query: dict[str, str | int] = dict(params or {})
        items: dict[object, dict[str, Any]] = {}
        stale = 0
        while True:
            page = self.get(service, path, version=version, params=query, timeout=timeout)
            before = len(items)
            items |= {item.get("id", before + n): item for n, item in enumerate(page[key])}
            stale = 0 if len(items) > before else stale + 1
            following = next_page(page, key)
            if not page[key] or not following or stale > STALE_PAGES:
                return list(items.values())
            query |= following

    def post(self, service: str, path: str, json: JsonObject | None = None, *, version: str = "") -> dict[str, Any]:
        """Post a JSON object; return the answer's, empty where it has none."""
        return _json(self._send(Request("POST", service, path, version, json=json, timeout=WRITE_SECONDS)))

    def put(self, service: str, path: str, json: JsonObject | None = None, *, version: str = "") -> dict[str, Any]:
        """Put a JSON object; return the answer's, empty where it has none."""
        return _json(self._send(Request("PUT", service, path, version, json=json, timeout=WRITE_SECONDS)))

    def delete(self, service: str, path: str, *, version: str = "") -> None:
        """Delete what is at a path."""
        self._send(Request("DELETE", service, path, version, timeout=WRITE_SECONDS))

    def host_of(self, service: str) -> str:
        """Return the host name or address of a service's endpoint."""
        return urlsplit(self._opened().url(service)).hostname or ""

    def prepare(self) -> None:
        """Import the client libraries and read ``clouds.yaml``; nothing is asked yet.

        Raises:
            Refused: CLOUD_UNKNOWN.
        """
        self._opened()

    def close(self) -> None:
        """Close the kept connections; may be called twice."""
        with self._lock:
            if self._session is not None:
                self._session.close()
                self._session = None

    def _send(self, request: Request) -> requests.Response:
        return self._opened().send(request)

    def _opened(self) -> CloudSession:
        with self._lock:
            if self._session is None:
                from stackmend.adapters.openstack.session import CloudSession  # noqa: PLC0415 - late, it is slow

                self._session = CloudSession(self.cloud, self._read_seconds)
            return self._session


def next_page(page: Mapping[str, Any], key: str) -> dict[str, str]:
    """Return the query of the next page, by nova's and neutron's ``…_links`` or glance's ``next``; empty for none."""
    hrefs = [link["href"] for link in page.get(f"{key}_links", ()) if link.get("rel") == "next"]
    href = hrefs[0] if hrefs else page.get("next") or ""
    return dict(parse_qsl(urlsplit(href).query))


def _json(response: requests.Response) -> dict[str, Any]:
    answer: dict[str, Any] = response.json() if response.content else {}
    return answer
