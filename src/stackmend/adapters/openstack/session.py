"""An authenticated session: ``clouds.yaml`` read by openstacksdk, requests made by keystoneauth."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

import openstack.config
import requests
import yaml
from keystoneauth1 import exceptions as ksa
from keystoneauth1.session import Session, TCPKeepAliveAdapter
from openstack import exceptions as sdk

from stackmend.adapters.openstack import errors
from stackmend.adapters.openstack.request import Request
from stackmend.errors import Code, Refused

if TYPE_CHECKING:
    from openstack.config.cloud_region import CloudRegion

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
    """Requests to one cloud, authenticated when it is made.

    Args:
        cloud: name in ``clouds.yaml``; empty for what the environment says.
        token_seconds: how long keystone may take, where ``clouds.yaml`` does not set ``api_timeout``.

    Raises:
        Refused: CLOUD_UNKNOWN.
        Failed: AUTH_FAILED, TOKEN_EXPIRED, API_UNREACHABLE.
    """

    def __init__(self, cloud: str, token_seconds: float) -> None:
        self._region = _region(cloud)
        self._session = _session(self._region, token_seconds)
        self._by_token = "token" in str(self._region.config.get("auth_type", ""))
        self._lock = threading.Lock()
        self._urls: dict[str, str] = {}
        self._name = cloud or str(self._region.name or "of the environment")
        try:
            self._session.get_token()
        except ksa.ClientException as error:
            raise errors.of_authentication(error, self._name, by_token=self._by_token) from error

    def send(self, request: Request) -> requests.Response:
        """Make one request and return its answer.

        Raises:
            Failed: TOKEN_EXPIRED, API_UNREACHABLE, API_NOT_FOUND, API_CONFLICT, API_ERROR.
        """
        try:
            response = self._sent(request)
        except ksa.HttpError as error:  # only the renewal of the token raises one
            raise errors.of_authentication(error, self._name, by_token=True) from error
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
            self._url(request.service) + request.path,
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

    def _url(self, service: str) -> str:
        with self._lock:
            if service not in self._urls:
                self._urls[service] = self._find_url(service)
            return self._urls[service]

    def _find_url(self, service: str) -> str:
        found = self._region.get_endpoint(service) or self._session.get_endpoint(
            service_type=service,
            interface=self._region.get_interface(service),
            region_name=self._region.get_region_name(service),
            skip_discovery=True,
        )
        if not found:
            raise errors.no_endpoint(service)
        prefix = _PREFIXES.get(service, "")
        return (_VERSION.sub("", found) if prefix else found).rstrip("/") + prefix


def _region(cloud: str) -> CloudRegion:
    try:
        config = openstack.config.OpenStackConfig()
        names = sorted(config.get_cloud_names())
        if cloud and cloud not in names:
            known = "known clouds: " + ", ".join(names)
            hint = known if names else "no clouds.yaml was found; see OS_CLIENT_CONFIG_FILE"
            raise Refused(Code.CLOUD_UNKNOWN, f"clouds.yaml has no cloud {cloud}", hint=hint)
        return _complete(config.get_one(cloud=cloud or None), cloud)
    except (sdk.ConfigException, ksa.ClientException) as error:
        raise Refused(Code.CLOUD_UNKNOWN, f"clouds.yaml does not say how to reach {cloud}: {error}") from error
    except yaml.YAMLError as error:
        raise Refused(Code.CLOUD_UNKNOWN, f"clouds.yaml is not valid YAML: {_where(error)}") from error


def _complete(region: CloudRegion, cloud: str) -> CloudRegion:
    """Return the region where it has a password to log in with; keystoneauth notices late, with a bare exception."""
    if str(region.config.get("auth_type", "")).endswith("password") and not region.config["auth"].get("password"):
        raise Refused(
            Code.CLOUD_UNKNOWN,
            f"clouds.yaml has no password for cloud {cloud}",
            hint="put it into the auth section, there or in secure.yaml",
        )
    return region


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"{mark.name} line {mark.line + 1}" if mark else type(error).__name__


def _session(region: CloudRegion, token_seconds: float) -> Session:
    session = region.get_session()
    session.timeout = session.timeout or token_seconds
    adapter = _BoundedAdapter(pool_connections=POOL, pool_maxsize=POOL)
    for scheme in ("http://", "https://"):
        session.session.mount(scheme, adapter)
    return session
