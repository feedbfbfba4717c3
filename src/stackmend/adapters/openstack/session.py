"""An authenticated session: requests made by keystoneauth."""

from __future__ import annotations

import re
import threading
from typing import Any

import requests
from keystoneauth1 import exceptions as ksa
from keystoneauth1.session import Session, TCPKeepAliveAdapter

from stackmend.adapters.openstack import errors, plain
from stackmend.adapters.openstack.login import Login
from stackmend.adapters.openstack.request import Request

CONNECT_SECONDS = 5.0
POOL = 32
"""Connections kept for each service, for as many threads."""

_PREFIXES = {"network": "/v2.0", "image": "/v2", "identity": "/v3"}
"""Versions of the services whose endpoints in the catalog usually name none."""
_VERSION = re.compile(r"/v[0-9]+(\.[0-9]+)?/?$")


class _BoundedAdapter(TCPKeepAliveAdapter):
    """Connections whose opening has a bound of its own, shorter than that of the answer."""

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        seconds = kwargs.get("timeout")
        if isinstance(seconds, int | float):
            kwargs["timeout"] = (min(CONNECT_SECONDS, seconds), seconds)
        return super().send(*args, **kwargs)


class CloudSession:
    """Requests to one cloud; it authenticates at the first.

    Args:
        cloud: name in ``clouds.yaml``; empty for what the environment says.
        token_seconds: how long keystone may take, where ``clouds.yaml`` does not set ``api_timeout``.

    Raises:
        Refused: CLOUD_UNKNOWN.
    """

    def __init__(self, cloud: str, token_seconds: float) -> None:
        self._login = plain.read(cloud) or _by_sdk(cloud)
        self._session = _bounded(self._login.session, token_seconds)
        self._lock = threading.Lock()
        self._authenticated = False
        self._urls: dict[str, str] = {}

    def send(self, request: Request) -> requests.Response:
        """Make one request and return its answer.

        Raises:
            Failed: AUTH_FAILED, TOKEN_EXPIRED, API_UNREACHABLE, API_NOT_FOUND, API_CONFLICT, API_ERROR.
        """
        self._authenticate()
        try:
            response = self._sent(request)
        except ksa.HttpError as error:  # only the renewal of the token raises one
            raise errors.of_authentication(error, self._login.name, by_token=True) from error
        except ksa.ClientException as error:
            raise errors.unreachable(error, request) from error
        if response.status_code >= 400:  # noqa: PLR2004 - HTTP's errors begin here
            raise errors.of_response(response, request)
        return response

    def _sent(self, request: Request) -> requests.Response:
        try:
            return self._once(request)
        except ksa.ConnectFailure:
            if request.method != "GET":
                raise
            return self._once(request)

    def _once(self, request: Request) -> requests.Response:
        return self._session.request(
            self.url(request.service) + request.path,
            request.method,
            json=request.json,
            params=dict(request.params or {}),
            headers={"Accept": "application/json"},
            microversion=request.version or None,
            microversion_service_type=request.service if request.version else None,
            raise_exc=False,
            timeout=request.timeout,
        )

    def close(self) -> None:
        """Close the kept connections."""
        self._session.session.close()

    def _authenticate(self) -> None:
        with self._lock:
            if self._authenticated:
                return
            try:
                self._session.get_token()
            except ksa.ClientException as error:
                raise errors.of_authentication(error, self._login.name, by_token=self._login.by_token) from error
            self._authenticated = True

    def url(self, service: str) -> str:
        """Return a service's endpoint, its version included.

        Raises:
            Failed: AUTH_FAILED, TOKEN_EXPIRED, API_UNREACHABLE; API_ERROR where the catalog has none.
        """
        self._authenticate()
        with self._lock:
            if service not in self._urls:
                self._urls[service] = self._find_url(service)
            return self._urls[service]

    def _find_url(self, service: str) -> str:
        found = self._login.endpoint(service) or self._session.get_endpoint(
            service_type=service, skip_discovery=True, **self._login.place(service)
        )
        if not found:
            raise errors.no_endpoint(service)
        prefix = _PREFIXES.get(service, "")
        return (_VERSION.sub("", found) if prefix else found).rstrip("/") + prefix


def _by_sdk(cloud: str) -> Login:
    from stackmend.adapters.openstack import sdk  # noqa: PLC0415 - late: it is slow, and rarely needed

    return sdk.read(cloud)


def _bounded(session: Session, token_seconds: float) -> Session:
    session.timeout = session.timeout or token_seconds
    adapter = _BoundedAdapter(pool_connections=POOL, pool_maxsize=POOL)
    for scheme in ("http://", "https://"):
        session.session.mount(scheme, adapter)
    return session
